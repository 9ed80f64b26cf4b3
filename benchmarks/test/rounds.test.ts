import assert from 'node:assert/strict'
import { inRounds, ratios } from '../src/rounds.ts'

describe('rounds', () => {
  it('take turns, each in surroundings of its own, after one that does not count', async () => {
    const order: string[] = []
    let settings = 0
    const way = (name: string) => async (setting: number): Promise<number> => {
      order.push(`${name}${setting}`)
      return setting
    }
    const runs = await inRounds({
      rounds: 2,
      ways: { a: way('a'), b: way('b'), missing: undefined },
      withSetting: async (work: (setting: number) => Promise<void>) => work(settings++),
      describe: String,
      report: () => undefined,
    })
    assert.deepEqual(order, ['a0', 'b0', 'a1', 'b1', 'a2', 'b2'])
    assert.deepEqual(runs, { a: [1, 2], b: [1, 2], missing: [] })
  })

  it('are compared with the reference of the same round', () => {
    const same = (value: number): number => value
    assert.deepEqual(ratios([2, 9], [1, 3], same), [2, 3])
    assert.throws(() => ratios([1], [1, 2], same), RangeError)
  })
})
