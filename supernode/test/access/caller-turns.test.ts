import assert from 'node:assert/strict'
import { isDamselflyError, VirtualClock } from '@damselfly/shared'
import { CallerTurns, TooManyRequests } from '../../src/api/caller-turns.ts'
import { settle } from '../control-bench.ts'

describe('turns of callers', () => {
  const clock = new VirtualClock()
  let busyMs: number
  let turns: CallerTurns
  beforeEach(() => {
    busyMs = 0
    turns = new CallerTurns(clock, () => busyMs)
  })

  /** @returns how those that were let in end, and what the others were told */
  async function ask(who: string, count: number): Promise<{ readonly ends: ((leastMs?: number) => void)[]; readonly refusals: unknown[] }> {
    const asked = { ends: [] as ((leastMs?: number) => void)[], refusals: [] as unknown[] }
    for (let n = 0; n < count; n++) turns.begin(who).then((end) => asked.ends.push(end), (error: unknown) => asked.refusals.push(error))
    await settle()
    return asked
  }

  it('are four at once for one of them, in the order of asking, and for each its own', async () => {
    const one = await ask('one', 6)
    assert.equal(one.ends.length, 4)
    assert.equal((await ask('other', 1)).ends.length, 1)
    one.ends[0]?.()
    one.ends[0]?.()
    await settle()
    assert.equal(one.ends.length, 5)
  })

  it('come later to who has taken more than its share, and at once to others', async () => {
    const { ends: [end] } = await ask('greedy', 1)
    end?.(1400)
    const late = await ask('greedy', 1)
    assert.equal(late.ends.length, 0)
    assert.equal((await ask('other', 1)).ends.length, 1)
    clock.advance(3900)
    await settle()
    assert.equal(late.ends.length, 0)
    clock.advance(100)
    await settle()
    assert.deepEqual([late.ends.length, late.refusals.length], [1, 0])
  })

  it('come at once after a request that waited long for something else, however busy others kept the thread', async () => {
    const { ends: [end] } = await ask('patient', 1)
    clock.advance(60_000)
    busyMs += 60_000
    end?.()
    assert.equal((await ask('patient', 1)).ends.length, 1)
  })

  it('come later after many requests that kept the thread busy', async () => {
    const work = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        const { ends: [end] } = await ask('busy', 1)
        clock.advance(100)
        busyMs += 100
        end?.()
      }
    }
    await work(10)
    const { ends: [end] } = await ask('busy', 1)
    assert.ok(end)
    end()
    await work(2)
    assert.equal((await ask('busy', 1)).ends.length, 0)
  })

  it('are refused with a time to come again to those for whom too many wait, or who have waited long', async () => {
    const { ends: [end] } = await ask('greedy', 1)
    end?.(2000)
    const waiting = await ask('greedy', 64)
    const beyond = await ask('greedy', 1)
    assert.deepEqual([waiting.refusals.length, beyond.refusals.length], [0, 1])
    const [refusal] = beyond.refusals
    assert.ok(refusal instanceof TooManyRequests && isDamselflyError(refusal, 'TOO_MANY_REQUESTS'))
    assert.equal(refusal.retryAfterMs, 10_000)
    clock.advance(5000)
    await settle()
    assert.equal(waiting.refusals.length, 64)
  })

  it('leave nothing behind', async () => {
    const { ends } = await ask('one', 4)
    for (const end of ends) end()
    const [end] = (await ask('greedy', 1)).ends
    end?.(5000)
    await ask('greedy', 3)
    clock.advance(5000)
    await settle()
    assert.equal(turns.size, 0)
    assert.equal(clock.pending, 0)
  })
})
