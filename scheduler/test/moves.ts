import { PRIORITIES, type PeerId, type TaskId } from '@damselfly/shared'
import fc from 'fast-check'
import type { FailureReason, PeerCapacity, SchedulerEvent } from '../src/contract.ts'
import type { Ledger } from './ledger.ts'

const CHILDREN: readonly PeerId[] = ['ann', 'bob', 'cat', 'dan', 'eve'] as PeerId[]
export const PEERS: readonly PeerId[] = ['cdn' as PeerId, ...CHILDREN]
const TASK_ONE = 'task-one' as TaskId
const TASK_TWO = 'task-two' as TaskId
export const TASKS: readonly TaskId[] = [TASK_ONE, TASK_TWO]
const MOST_PIECES = 40

/** Something that happens: an event as it is, or one that depends on what is under way. */
export type Move = (ledger: Ledger) => SchedulerEvent

export interface Step {
  readonly move: Move
  readonly afterMs: number
}

const peer = fc.constantFrom(...PEERS)
const task = fc.constantFrom(...TASKS)
const piece = fc.nat(MOST_PIECES - 1)
const reason = fc.constantFrom<FailureReason[]>('corrupt', 'timeout', 'refused', 'unreachable', 'cancelled')

function mostly<T, U>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<U>): fc.Arbitrary<T | U> {
  return fc.oneof({ weight: 5, arbitrary: often }, { weight: 1, arbitrary: seldom })
}

function capacityOf(id: PeerId): fc.Arbitrary<PeerCapacity> {
  return fc.record({
    uploadSlots: fc.nat(3),
    isCdn: fc.constant(id === 'cdn'),
    location: fc.record({
      location: fc.constantFrom('', 'here', 'there'),
      zone: fc.constantFrom('', 'a', 'b'),
      rack: fc.constantFrom('', '1', '2'),
      lan: fc.constantFrom(undefined, '', 'x', 'y'),
    }),
    lanes: mostly(fc.constant(['direct'] as const), fc.constant([])),
    isRelayed: mostly(fc.constant(undefined), fc.constant(true)),
  })
}

const disruption: fc.Arbitrary<SchedulerEvent> = fc.oneof(
  {
    weight: 5,
    arbitrary: peer.chain((id) =>
      fc.record({
        type: fc.constantFrom('peer-joined' as const, 'capacity-changed' as const),
        peer: fc.constant(id),
        capacity: capacityOf(id),
      })),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('peer-left' as const), peer }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('task-registered' as const),
      task,
      pieceCount: fc.option(fc.nat(MOST_PIECES), { nil: undefined }),
      pieceSize: fc.constant(1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('child-joined' as const),
      task,
      peer,
      order: fc.constantFrom('rarest-first' as const, 'in-order' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('child-left' as const, 'pieces-dropped' as const), task, peer }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('piece-failed' as const), task, peer, piece, parent: peer, reason }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('piece-failed' as const),
      task,
      peer,
      piece,
      parent: fc.constantFrom('cdn', 'ann') as fc.Arbitrary<PeerId>,
      reason: fc.constant('corrupt' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('piece-done' as const),
      task,
      peer,
      piece,
      parent: peer,
      bytes: fc.constant(1000),
      durationMs: fc.nat(20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('task-removed' as const, 'origin-failed' as const), task }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('uploads-shut' as const), task, peer, isShut: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('parent-caught' as const), peer: fc.constantFrom('ann', 'bob') as fc.Arbitrary<PeerId> }) },
  { weight: 1, arbitrary: fc.constant({ type: 'tick' as const }) },
)

const progress: fc.Arbitrary<SchedulerEvent> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('pieces-wanted' as const), task, peer, count: fc.nat(4), priority: fc.constantFrom(...PRIORITIES) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('pieces-available' as const),
      task,
      peer: fc.oneof(peer, fc.constant('cdn' as PeerId)),
      pieces: fc.array(piece, { maxLength: 8 }),
    }),
  },
)

/** One of the assignments under way goes well, or wrong. */
const ending: fc.Arbitrary<Move> = fc
  .record({ which: fc.nat(), durationMs: fc.nat(100), fails: mostly(fc.constant(undefined), reason) })
  .map(({ which, durationMs, fails }) => ({ flights }) => {
    const flight = flights[which % Math.max(1, flights.length)]
    if (flight === undefined) return { type: 'tick' }
    const { child, ...rest } = flight
    const ids = { task: rest.task, piece: rest.piece, parent: rest.parent, peer: child }
    if (fails !== undefined) return { type: 'piece-failed', ...ids, reason: fails }
    return { type: 'piece-done', ...ids, bytes: 1000, durationMs }
  })

const step: fc.Arbitrary<Step> = fc.record({
  move: fc.oneof(
    { weight: 5, arbitrary: ending },
    { weight: 4, arbitrary: progress.map((it): Move => () => it) },
    { weight: 1, arbitrary: disruption.map((it): Move => () => it) },
  ),
  afterMs: fc.oneof({ weight: 8, arbitrary: fc.nat(50) }, { weight: 1, arbitrary: fc.nat(100_000) }),
})

/** Everybody is there and wants both tasks, so that much happens early. */
export const OPENING: readonly SchedulerEvent[] = [
  ...PEERS.map((id): SchedulerEvent => ({
    type: 'peer-joined',
    peer: id,
    capacity: {
      uploadSlots: 2, isCdn: id === 'cdn', location: { location: '', zone: '', rack: '' }, lanes: ['direct'],
    },
  })),
  { type: 'task-registered', task: TASK_ONE, pieceCount: 12, pieceSize: 1 },
  { type: 'task-registered', task: TASK_TWO, pieceCount: undefined, pieceSize: 1 },
  ...TASKS.flatMap((id) => [
    ...CHILDREN.map((child): SchedulerEvent => {
      return { type: 'child-joined', task: id, peer: child, order: 'rarest-first' }
    }),
    ...CHILDREN.map((child): SchedulerEvent => ({ type: 'pieces-wanted', task: id, peer: child, count: 2 })),
  ]),
]

export const history: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 20, maxLength: 200, size: 'max' })
