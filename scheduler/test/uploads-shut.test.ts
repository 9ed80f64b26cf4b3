import assert from 'node:assert/strict'
import type { PeerId, TaskId } from '@damselfly/shared'
import { createScheduler, type Scheduler, type SchedulerCommand } from '../src/index.ts'

const TASK = 't' as TaskId
const [A, B, CHILD] = ['a', 'b', 'c'] as PeerId[] as [PeerId, PeerId, PeerId]
const CAPACITY = { uploadSlots: 4, location: { location: '', zone: '', rack: '' }, isCdn: false, lanes: ['direct'] } as const

describe('a peer whose uploads are shut', () => {
  let scheduler: Scheduler

  beforeEach(() => {
    scheduler = createScheduler({ random: () => 0.5 })
    for (const peer of [A, B, CHILD]) scheduler.handle({ type: 'peer-joined', peer, capacity: CAPACITY }, 0)
    scheduler.handle({ type: 'task-registered', task: TASK, pieceCount: 6, pieceSize: 1024 }, 0)
    scheduler.handle({ type: 'pieces-available', task: TASK, peer: A, pieces: [0, 1, 2, 3, 4, 5] }, 0)
    scheduler.handle({ type: 'child-joined', task: TASK, peer: CHILD, order: 'rarest-first' }, 0)
  })

  const shut = (isShut: boolean, peer: PeerId = A): readonly SchedulerCommand[] => scheduler.handle({ type: 'uploads-shut', task: TASK, peer, isShut }, 0)
  const want = (count: number, peer: PeerId = CHILD): readonly SchedulerCommand[] => scheduler.handle({ type: 'pieces-wanted', task: TASK, peer, count }, 0)
  /** As a child does what it is told to cancel. */
  const answer = (commands: readonly SchedulerCommand[]): SchedulerCommand[] => {
    return commands.flatMap((command) => {
      if (command.type !== 'cancel') return []
      const { task, child: peer, piece, parent } = command
      return [...scheduler.handle({ type: 'piece-failed', task, peer, piece, parent, reason: 'cancelled' }, 0), ...want(1)]
    })
  }
  const parents = (commands: readonly SchedulerCommand[]): PeerId[] => commands.flatMap((command) => (command.type === 'assign' ? [command.parent] : []))

  it('is given no child, until it may upload again', () => {
    shut(true)
    assert.deepEqual(parents(want(2)), [])
    assert.deepEqual(parents(shut(false)), [A, A])
  })

  it('loses what it is sending to others that have it', () => {
    assert.deepEqual(parents(want(2)), [A, A])
    scheduler.handle({ type: 'pieces-available', task: TASK, peer: B, pieces: [0, 1, 2, 3, 4, 5] }, 0)
    const commands = shut(true)
    assert.deepEqual(commands.map(({ type }) => type), ['cancel', 'cancel'])
    assert.deepEqual(parents(answer(commands)), [B, B])
    assert.equal(scheduler.stats().inFlight, 2)
  })

  it('tells its children to go to the source where nobody else can help', () => {
    want(2)
    assert.ok(answer(shut(true)).some(({ type }) => type === 'back-to-source'))
  })

  it('downloads all the same, and what it gets makes it no parent', () => {
    shut(true, CHILD)
    assert.deepEqual(parents(want(6)).length, 4)
    for (let piece = 0; piece < 6; piece++) {
      scheduler.handle({ type: 'piece-done', task: TASK, peer: CHILD, piece, parent: A, bytes: 1024, durationMs: 1 }, 0)
    }
    scheduler.handle({ type: 'child-left', task: TASK, peer: CHILD }, 0)
    scheduler.handle({ type: 'peer-left', peer: A }, 0)
    scheduler.handle({ type: 'child-joined', task: TASK, peer: B, order: 'rarest-first' }, 0)
    assert.deepEqual(parents(want(6, B)), [])
    assert.equal(parents(shut(false, CHILD)).length, 4)
  })

  it('is remembered as such before it has anything, and forgotten with the peer', () => {
    shut(true, B)
    scheduler.handle({ type: 'peer-left', peer: A }, 0)
    scheduler.handle({ type: 'pieces-available', task: TASK, peer: B, pieces: [0] }, 0)
    assert.deepEqual(parents(want(1)), [])
    scheduler.handle({ type: 'peer-left', peer: B }, 0)
    scheduler.handle({ type: 'peer-joined', peer: B, capacity: CAPACITY }, 0)
    assert.deepEqual(parents(scheduler.handle({ type: 'pieces-available', task: TASK, peer: B, pieces: [0] }, 0)), [B])
  })
})
