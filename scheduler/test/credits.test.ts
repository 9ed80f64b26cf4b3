import assert from 'node:assert/strict'
import type { PeerId, TaskId } from '@damselfly/shared'
import fc from 'fast-check'
import type { FailureReason, PeerCapacity, Scheduler, SchedulerCommand, SchedulerEvent } from '../src/contract.ts'
import { allSlots } from '../src/policies/upload-slots.ts'
import { createScheduler } from '../src/scheduler.ts'
import { seeded } from './random.ts'

const TASK = 'task' as TaskId
const WINDOW = 4
const PIECES = 24
const PARENTS = ['cdn', 'p', 'q', 'r'] as PeerId[]
const CHILDREN = ['a', 'b', 'c'] as PeerId[]

interface Open {
  readonly piece: number
  readonly parent: PeerId
}

/** A child as real ones are: it answers each assignment once, and asks for one more with it. */
class Child {
  readonly peer: PeerId
  readonly open: Open[] = []
  readonly held = new Set<number>()

  constructor(peer: PeerId) {
    this.peer = peer
  }
}

/** What goes wrong with a parent, or how one of the assignments under way ends. */
type Trouble =
  | { readonly type: 'leaves' | 'returns' | 'drops' | 'offers' | 'is shut' | 'is opened'; readonly peer: PeerId }
  | { readonly type: 'ends'; readonly which: number; readonly reason: FailureReason | undefined }
  | { readonly type: 'is cut'; readonly pieces: number }
  | { readonly type: 'passes'; readonly ms: number }

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('leaves' as const, 'returns' as const, 'drops' as const, 'offers' as const, 'is shut' as const, 'is opened' as const),
      peer: fc.constantFrom(...PARENTS, ...CHILDREN),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('ends' as const),
      which: fc.nat(),
      reason: fc.option(fc.constantFrom<FailureReason[]>('corrupt', 'timeout', 'refused', 'unreachable', 'cancelled'), { nil: undefined, freq: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('passes' as const), ms: fc.nat(20_000) }) },
)
const cut: fc.Arbitrary<Trouble> = fc.record({ type: fc.constant('is cut' as const), pieces: fc.integer({ min: 12, max: PIECES - 1 }) })

class Play {
  readonly children = CHILDREN.map((peer) => new Child(peer))
  readonly scheduler: Scheduler
  #now = 0
  #pieces: number

  constructor(seed: number, isLengthKnown: boolean) {
    this.#pieces = PIECES
    this.scheduler = createScheduler({ random: seeded(seed), policies: { uploadSlots: allSlots() } })
    for (const peer of [...PARENTS, ...CHILDREN]) this.tell({ type: 'peer-joined', peer, capacity: capacityOf(peer, 2) })
    this.tell({ type: 'task-registered', task: TASK, pieceCount: isLengthKnown ? PIECES : undefined, pieceSize: 1 })
    for (const peer of PARENTS) this.#offer(peer)
    for (const { peer } of this.children) {
      this.tell({ type: 'child-joined', task: TASK, peer, order: 'rarest-first' })
      this.tell({ type: 'pieces-wanted', task: TASK, peer, count: WINDOW })
    }
  }

  happens(it: Trouble): void {
    switch (it.type) {
      case 'leaves':
        // A child that goes takes its credits with it.
        return PARENTS.includes(it.peer) ? this.tell({ type: 'peer-left', peer: it.peer }) : undefined
      case 'returns':
        return this.tell({ type: 'peer-joined', peer: it.peer, capacity: capacityOf(it.peer, 2) })
      case 'drops':
        return PARENTS.includes(it.peer) ? this.tell({ type: 'pieces-dropped', task: TASK, peer: it.peer }) : undefined
      case 'offers':
        return PARENTS.includes(it.peer) ? this.#offer(it.peer) : undefined
      case 'is shut':
      case 'is opened':
        return this.tell({ type: 'uploads-shut', task: TASK, peer: it.peer, isShut: it.type === 'is shut' })
      case 'is cut':
        this.#pieces = it.pieces
        return this.tell({ type: 'task-registered', task: TASK, pieceCount: it.pieces, pieceSize: 1 })
      case 'passes':
        this.#now += it.ms
        return this.tell({ type: 'tick' })
      case 'ends': {
        const flights = this.children.flatMap((child) => child.open.map((open) => ({ child, open })))
        const flight = flights[it.which % Math.max(1, flights.length)]
        if (flight !== undefined) this.#answer(flight.child, flight.open, it.reason)
      }
    }
  }

  /** Everybody is there, has everything, and may send it; blocks are over. */
  heal(): void {
    for (const peer of PARENTS) {
      this.tell({ type: 'peer-joined', peer, capacity: capacityOf(peer, 100) })
      this.tell({ type: 'capacity-changed', peer, capacity: capacityOf(peer, 100) })
      this.tell({ type: 'uploads-shut', task: TASK, peer, isShut: false })
      this.#offer(peer)
    }
    this.#now += 10_000_000
    this.tell({ type: 'tick' })
  }

  tell(event: SchedulerEvent): void {
    for (const command of this.scheduler.handle(event, this.#now)) this.#obey(command)
  }

  #obey(command: SchedulerCommand): void {
    if (command.type !== 'assign' && command.type !== 'cancel') return
    const child = this.children.find(({ peer }) => peer === command.child) as Child
    const { piece, parent } = command
    const same = child.open.find((open) => open.piece === piece)
    if (command.type === 'cancel') {
      if (same?.parent === parent) this.#answer(child, same, 'cancelled')
      return
    }
    assert.equal(same, undefined, `${child.peer} is asked for ${piece} twice`)
    child.open.push({ piece, parent })
    assert.ok(child.open.length <= WINDOW, `${child.peer} has ${child.open.length} under way`)
  }

  #answer(child: Child, open: Open, reason: FailureReason | undefined): void {
    child.open.splice(child.open.indexOf(open), 1)
    const ids = { task: TASK, peer: child.peer, piece: open.piece, parent: open.parent }
    if (reason === undefined) {
      child.held.add(open.piece)
      this.tell({ type: 'piece-done', ...ids, bytes: 1, durationMs: 1 })
    } else {
      this.tell({ type: 'piece-failed', ...ids, reason })
    }
    this.tell({ type: 'pieces-wanted', task: TASK, peer: child.peer, count: 1 })
  }

  #offer(peer: PeerId): void {
    this.tell({ type: 'pieces-available', task: TASK, peer, pieces: Array.from({ length: this.#pieces }, (_, piece) => piece) })
  }

  /** How many pieces the child lacks. */
  missing({ held }: Child): number {
    return Array.from({ length: this.#pieces }, (_, piece) => piece).filter((piece) => !held.has(piece)).length
  }
}

function capacityOf(peer: PeerId, uploadSlots: number): PeerCapacity {
  return { uploadSlots, isCdn: peer === 'cdn', location: { location: '', zone: '', rack: '' }, lanes: ['direct'] }
}

describe('credits', function () {
  this.timeout(120_000)
  const history = fc.tuple(fc.array(trouble, { maxLength: 120, size: 'max' }), fc.option(cut, { nil: undefined }), fc.array(trouble, { maxLength: 60, size: 'max' }))

  it('are neither lost nor made: whatever goes wrong, a child has its window under way as soon as it can', () => {
    fc.assert(
      fc.property(history, fc.nat(), ([before, shortened, after], seed) => {
        const play = new Play(seed, shortened === undefined)
        for (const it of [...before, ...(shortened === undefined ? [] : [shortened]), ...after]) play.happens(it)
        play.heal()
        for (const child of play.children) assert.equal(child.open.length, Math.min(WINDOW, play.missing(child)), child.peer)
      }),
      { numRuns: 150 },
    )
  })

  it('suffice for every child to get everything, as soon as somebody can give it', () => {
    fc.assert(
      fc.property(history, fc.nat(), ([before, shortened, after], seed) => {
        const play = new Play(seed, shortened === undefined)
        for (const it of [...before, ...(shortened === undefined ? [] : [shortened]), ...after]) play.happens(it)
        play.heal()
        for (let rest = 0; rest < CHILDREN.length * PIECES; rest++) play.happens({ type: 'ends', which: rest, reason: undefined })
        for (const child of play.children) assert.equal(play.missing(child), 0, child.peer)
        assert.equal(play.scheduler.stats().inFlight, 0)
      }),
      { numRuns: 100 },
    )
  })
})
