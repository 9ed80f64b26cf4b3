import assert from 'node:assert/strict'
import fc from 'fast-check'
import { OriginTurns } from '../../src/origins/origin-turns.ts'

const { signal } = new AbortController()

describe('turns of many origins', () => {
  /** @returns how many of `count` turns were given at once, and how to end them */
  async function take(turns: OriginTurns, origin: string, count: number, by?: string): Promise<(() => void)[]> {
    const ends: (() => void)[] = []
    for (let i = 0; i < count; i++) void turns.begin(origin, signal, by).then((end) => ends.push(end))
    await new Promise(setImmediate)
    return ends
  }

  it('are no more for one origin than it may have', async () => {
    const turns = new OriginTurns(100, 3)
    assert.equal((await take(turns, 'a', 9)).length, 3)
    assert.equal(turns.waiting, 6)
  })

  it('are left for others by those who take all that they can get', async () => {
    const turns = new OriginTurns(12, 100)
    assert.equal((await take(turns, 'slow', 50)).length, 6)
    assert.equal((await take(turns, 'slower', 50)).length, 3)
    assert.equal((await take(turns, 'fast', 1)).length, 1)
  })

  it('go in order to those of one origin, and first to the origin that holds the fewest', async () => {
    const turns = new OriginTurns(2, 2)
    const [end] = await take(turns, 'a', 1)
    const order: string[] = []
    const [other] = await take(turns, 'b', 1)
    for (const origin of ['a', 'c']) void turns.begin(origin, signal).then(() => order.push(origin))
    other?.()
    await new Promise(setImmediate)
    assert.deepEqual(order, ['c'])
    end?.()
    await new Promise(setImmediate)
    assert.deepEqual(order, ['c', 'a'])
  })

  it('of one origin are left for others by callers who take all that they can get, and go first to whom holds the fewest', async () => {
    const turns = new OriginTurns(100, 12)
    const ends = await take(turns, 'a', 50, 'greedy')
    assert.equal(ends.length, 6)
    assert.equal((await take(turns, 'a', 50, 'greedier')).length, 3)
    assert.equal((await take(turns, 'a', 1, 'modest')).length, 1)
    assert.equal((await take(turns, 'a', 50)).length, 2)
    const order: string[] = []
    for (const by of ['modest', 'other']) void turns.begin('a', signal, by).then(() => order.push(by))
    for (const end of ends) end()
    await new Promise(setImmediate)
    assert.deepEqual(order, ['other', 'modest'])
  })

  it('are not given to those who gave up', async () => {
    const turns = new OriginTurns(1, 1)
    const [end] = await take(turns, 'a', 1)
    const controller = new AbortController()
    const waiting = turns.begin('a', controller.signal)
    controller.abort(new Error('gone'))
    await assert.rejects(waiting, /gone/)
    end?.()
    assert.equal(turns.held('a'), 0)
    assert.equal((await take(turns, 'a', 1)).length, 1)
  })

  it('are never more than there are, and none is lost, whoever comes and goes', async () => {
    const step = fc.record({ origin: fc.constantFrom('a', 'b', 'c'), by: fc.constantFrom('x', 'y', undefined), ends: fc.nat(9) })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 40 }), async (total, each, steps) => {
        const turns = new OriginTurns(total, each)
        const held: (() => void)[] = []
        let begun = 0
        for (const { origin, by, ends } of steps) {
          void turns.begin(origin, signal, by).then((end) => held.push(end))
          begun++
          await new Promise(setImmediate)
          assert.ok(turns.held('a') + turns.held('b') + turns.held('c') <= total)
          for (const end of held.splice(0, Math.max(0, ends - 6))) end()
        }
        for (let left = 0; left <= begun; left++) {
          for (const end of held.splice(0)) end()
          await new Promise(setImmediate)
        }
        assert.equal(turns.waiting, 0)
        assert.equal((await take(turns, 'z', 1)).length, 1)
      }),
      { numRuns: 50 },
    )
  })
})
