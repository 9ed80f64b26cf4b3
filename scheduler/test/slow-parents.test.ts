import assert from 'node:assert/strict'
import type { PeerId, TaskId } from '@damselfly/shared'
import { createScheduler, type BlocklistEntry, type Scheduler } from '../src/index.ts'

const TASK = 't' as TaskId
const PARENTS = ['a', 'b', 'c', 'd'] as PeerId[]
const [SLOW, CHILD] = ['slow', 'child'] as PeerId[] as [PeerId, PeerId]
const CAPACITY = { uploadSlots: 8, location: { location: '', zone: '', rack: '' }, isCdn: false, lanes: ['direct'] } as const
const BYTES = 1_000_000
const PIECES = 400
/** How many of them others have than the slow one, which has the rest. */
const ELSEWHERE = 370

describe('a parent that is far slower than the others of its swarm', () => {
  let scheduler: Scheduler
  let now: number

  beforeEach(() => {
    now = 0
    scheduler = createScheduler({ random: () => 0.5 })
    for (const peer of [...PARENTS, SLOW, CHILD]) scheduler.handle({ type: 'peer-joined', peer, capacity: CAPACITY }, now)
    scheduler.handle({ type: 'task-registered', task: TASK, pieceCount: PIECES, pieceSize: BYTES }, now)
    const pieces = [...Array(ELSEWHERE).keys()]
    for (const peer of PARENTS) scheduler.handle({ type: 'pieces-available', task: TASK, peer, pieces }, now)
    scheduler.handle({ type: 'child-joined', task: TASK, peer: CHILD, order: 'rarest-first' }, now)
  })

  function slowHasTheRest(): void {
    const pieces = [...Array(PIECES).keys()].slice(ELSEWHERE)
    scheduler.handle({ type: 'pieces-available', task: TASK, peer: SLOW, pieces }, now)
  }

  /** The child takes pieces one after the other, each in the time that its parent takes. @returns those that blocked */
  function download(count: number, durationOf: (parent: PeerId) => number): BlocklistEntry[] {
    const blocked: BlocklistEntry[] = []
    for (let taken = 0; taken < count; taken++) {
      const commands = scheduler.handle({ type: 'pieces-wanted', task: TASK, peer: CHILD, count: 1 }, now)
      for (const command of commands) {
        if (command.type !== 'assign') continue
        const durationMs = durationOf(command.parent)
        now += durationMs
        scheduler.handle({ type: 'piece-done', task: TASK, peer: CHILD, piece: command.piece, parent: command.parent, bytes: BYTES, durationMs }, now)
        blocked.push(...scheduler.snapshotBlocklist())
      }
    }
    return blocked
  }

  it('is passed over for a while, again and again, and never for long', () => {
    let turn = 0
    download(40, () => 100 + (turn++ % 5) * 10)
    slowHasTheRest()
    const blocked = download(200, (parent) => (parent === SLOW ? 5000 : 100 + (turn++ % 5) * 10))
    assert.ok(blocked.length > 0)
    for (const { parent, child, reason } of blocked) assert.deepEqual([parent, child, reason], [SLOW, CHILD, 'slow'])
    for (const { until } of blocked) assert.ok(until <= now + 10_000)
  })

  it('is not blamed where the child itself has become slow', () => {
    download(40, () => 100)
    // All that comes to it is slow from now on; what is the swarm's usual was learned from others.
    assert.deepEqual(download(60, () => 300), [])
    assert.deepEqual(download(60, () => 900), [])
  })

  it('is not blamed for being somewhat slower', () => {
    let turn = 0
    download(40, () => 100 + (turn++ % 5) * 10)
    slowHasTheRest()
    assert.deepEqual(download(100, (parent) => (parent === SLOW ? 500 : 100)), [])
  })

  it('is not blamed for a moment in which its machine was busy, however short pieces usually take', () => {
    let turn = 0
    download(40, () => 20 + (turn++ % 5))
    slowHasTheRest()
    assert.deepEqual(download(100, (parent) => (parent === SLOW ? 1500 : 20)), [])
  })
})
