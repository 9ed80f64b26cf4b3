import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { SchedulerCommand, SchedulerEvent } from '../src/contract.ts'
import { allSlots, type UploadSlotsPolicy } from '../src/policies/upload-slots.ts'
import { foregroundFirst } from '../src/policies/turns.ts'
import { createScheduler } from '../src/scheduler.ts'
import { Ledger } from './ledger.ts'
import { history, OPENING, PEERS, type Step, TASKS } from './moves.ts'
import { seeded } from './random.ts'

const RUNS = 200

describe('whatever happens in whatever order', function () {
  this.timeout(120_000)

  it('nothing forbidden is decided and nobody waits for what could be had', () => {
    fc.assert(fc.property(history, fc.nat(), (steps, seed) => void play(steps, seed, allSlots())), { numRuns: RUNS })
  })

  it('the same holds where parents use fewer slots than they have, but that a busy one may let others wait', () => {
    fc.assert(fc.property(history, fc.nat(), (steps, seed) => void play(steps, seed)), { numRuns: RUNS })
  })

  it('no peer gives background what it could give to foreground that waits', () => {
    fc.assert(fc.property(history, fc.nat(), (steps, seed) => playStrictly(steps, seed)), { numRuns: RUNS / 2 })
  })

  it('the same events and seed give the same commands', () => {
    fc.assert(
      fc.property(history, fc.nat(), (steps, seed) => {
        assert.deepEqual(play(steps, seed).commands, play(steps, seed).commands)
      }),
      { numRuns: 50 },
    )
  })

  it('nothing is left after the last peer and task are gone and their failures are forgotten', () => {
    fc.assert(
      fc.property(history, fc.nat(), fc.boolean(), (steps, seed, tasksFirst) => {
        const { scheduler, now } = play(steps, seed)
        const leave = (): void => PEERS.forEach((peer) => void scheduler.handle({ type: 'peer-left', peer }, now))
        const remove = (): void => TASKS.forEach((task) => void scheduler.handle({ type: 'task-removed', task }, now))
        for (const part of tasksFirst ? [remove, leave] : [leave, remove]) part()
        assert.deepEqual(scheduler.stats(), { peers: 0, tasks: 0, inFlight: 0, waiting: 0 })
        for (let next = scheduler.nextTick(); next !== undefined; next = scheduler.nextTick()) {
          assert.deepEqual(scheduler.handle({ type: 'tick' }, next), [])
        }
        assert.deepEqual(scheduler.snapshotBlocklist(), [])
      }),
      { numRuns: 100 },
    )
  })

  it('the next tick lies in the future, and time runs out of ticks', () => {
    fc.assert(
      fc.property(history, fc.nat(), (steps, seed) => {
        const { scheduler, now } = play(steps, seed)
        let last = now
        for (let next = scheduler.nextTick(); next !== undefined; next = scheduler.nextTick()) {
          assert.ok(next > last, `${next} comes after ${last}`)
          last = next
          scheduler.handle({ type: 'tick' }, next)
        }
      }),
      { numRuns: 100 },
    )
  })
})

/** As if background had never its turn. */
function playStrictly(steps: readonly Step[], seed: number): void {
  const policies = { uploadSlots: allSlots(), turns: foregroundFirst({ inARow: Infinity }) }
  const scheduler = createScheduler({ random: seeded(seed), policies })
  const ledger = new Ledger(scheduler, true)
  const handleFairly = (event: SchedulerEvent, now: number): void => {
    for (const command of ledger.handle(event, now)) {
      if (command.type !== 'assign' || ledger.peers.get(command.parent)?.isCdn === true) continue
      assert.deepEqual(ledger.passedOverFor(command), [], `after ${JSON.stringify(event)} ${command.parent} served ${command.child}`)
    }
  }
  let now = 0
  for (const event of OPENING) ledger.handle(event, now)
  for (const { move, afterMs } of steps) {
    now += afterMs
    // What became free before the event is given to who waited before it.
    if ((scheduler.nextTick() ?? Infinity) <= now) handleFairly({ type: 'tick' }, now)
    handleFairly(move(ledger), now)
  }
}

function play(steps: readonly Step[], seed: number, uploadSlots?: UploadSlotsPolicy) {
  const policies = uploadSlots === undefined ? {} : { uploadSlots }
  const scheduler = createScheduler({ random: seeded(seed), policies })
  const ledger = new Ledger(scheduler, uploadSlots !== undefined)
  const commands: SchedulerCommand[] = []
  let now = 0
  for (const event of OPENING) commands.push(...ledger.handle(event, now))
  for (const { move, afterMs } of steps) {
    now += afterMs
    commands.push(...ledger.handle(move(ledger), now))
  }
  return { scheduler, ledger, commands, now }
}
