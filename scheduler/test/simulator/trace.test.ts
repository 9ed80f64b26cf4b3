import assert from 'node:assert/strict'
import { Bitset, type PeerId, type TaskId } from '@damselfly/shared'
import { createScheduler } from '../../src/scheduler.ts'
import type { Scheduler } from '../../src/contract.ts'
import { seededRandom } from '../../src/simulator/seeded-random.ts'
import { simulate } from '../../src/simulator/simulate.ts'
import { recordScheduler } from '../../src/simulator/trace/record.ts'
import { replayTrace } from '../../src/simulator/trace/replay.ts'
import { scenarioWith } from './scenarios.ts'

const create = ({ seed }: { seed: number }): Scheduler => createScheduler({ random: seededRandom(seed) })

/** The lines of a run with all that can happen to a scheduler. */
function recordRun(): string[] {
  let text = ''
  const child = { count: 24, lies: 0.02, refuses: 0.02, die: 0.2, leave: 0.3, at: ['a/1/x', 'a/2/y', 'b'] }
  const scenario = scenarioWith({ seed: 9, peers: { child }, arrivals: { over: 0.5 }, tasks: { count: 2 } })
  simulate(scenario, { wrap: (scheduler) => recordScheduler(scheduler, { seed: 9 }, (line) => void (text += line)) })
  return text.trimEnd().split('\n')
}

describe('a trace of a scheduler', () => {
  it('replays to the same commands', async () => {
    const lines = recordRun()
    const { events, commands, difference } = await replayTrace(lines, create)
    assert.equal(difference, undefined)
    assert.equal(events, lines.length - 1)
    assert.ok(commands > 24 * 8)
  })

  it('shows where a scheduler answers otherwise', async () => {
    const lines = recordRun()
    const { difference } = await replayTrace(lines, () => create({ seed: 10 }))
    assert.ok(difference !== undefined)
    assert.notDeepEqual(difference.recorded, difference.replayed)
    assert.ok(lines[difference.line - 1]?.includes(`"at":${difference.at},`))
  })

  it('keeps pieces that came as a bitset', async () => {
    const lines: string[] = []
    const scheduler = recordScheduler(create({ seed: 1 }), { seed: 1 }, (line) => void lines.push(line.trimEnd()))
    const [task, cdn, child] = ['task' as TaskId, 'cdn' as PeerId, 'child' as PeerId]
    const capacity = { uploadSlots: 4, location: { location: '', zone: '', rack: '' }, lanes: ['direct'] as const }
    scheduler.handle({ type: 'peer-joined', peer: cdn, capacity: { ...capacity, isCdn: true } }, 0)
    scheduler.handle({ type: 'peer-joined', peer: child, capacity: { ...capacity, isCdn: false } }, 0)
    scheduler.handle({ type: 'task-registered', task, pieceCount: undefined, pieceSize: 1 }, 0)
    scheduler.handle({ type: 'child-joined', task, peer: child, order: 'in-order' }, 1)
    scheduler.handle({ type: 'pieces-available', task, peer: cdn, pieces: Bitset.of(9, [2, 5]) }, 2)
    const commands = scheduler.handle({ type: 'pieces-wanted', task, peer: child, count: 3 }, 2.5)
    assert.equal(commands.length, 2)
    assert.deepEqual(await replayTrace(lines, create), { events: 6, commands: 2, difference: undefined })
  })

  it('is refused with its line if it is none', async () => {
    const header = '{"trace":"damselfly-scheduler","version":1,"seed":1}'
    const refusals: [string[], RegExp][] = [
      [[], /the trace is empty/],
      [['hello'], /line 1 is not of a scheduler's trace/],
      [['{"trace":"damselfly-scheduler","version":2,"seed":1}'], /line 1 .*version/],
      [[header, '{"at":1}'], /line 2 .*event/],
    ]
    for (const [lines, message] of refusals) await assert.rejects(replayTrace(lines, create), { code: 'PROTOCOL', message })
  })
})
