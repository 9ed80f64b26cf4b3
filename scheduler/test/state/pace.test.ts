import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Pace } from '../../src/state/pace.ts'

function paceOf(...values: readonly number[]): Pace {
  const pace = new Pace()
  for (const value of values) pace.note(value)
  return pace
}

const alike = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + (index % 5) * 0.1)

describe('the pace of a swarm', () => {
  it('shows who is far slower than the others, whatever the others are like', () => {
    for (const unit of [1e-6, 1, 1e6]) {
      const pace = paceOf(...alike(100).map((value) => value * unit))
      assert.equal(pace.note(4 * unit), false)
      assert.equal(pace.note(40 * unit), true)
    }
  })

  it('says nothing as long as it knows little', () => {
    assert.equal(paceOf(...alike(29)).note(1000), false)
  })

  it('finds nobody slow where all differ a lot', () => {
    const spread = Array.from({ length: 200 }, (_, index) => 4 ** (index % 6))
    assert.equal(paceOf(...spread).note(4 ** 6), false)
  })

  it('becomes used to it when all have become slower', () => {
    const pace = paceOf(...alike(100))
    let beyond = 0
    for (let index = 0; index < 200; index++) if (pace.note(50)) beyond++
    assert.ok(beyond > 0 && beyond < 60, `${beyond}`)
    assert.equal(pace.note(50), false)
  })

  it('is never spoiled by single transfers, however slow they are', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e3, max: 1e9, noNaN: true }), { maxLength: 3 }), (outliers) => {
        const pace = paceOf(...alike(100))
        for (const one of outliers) assert.ok(pace.note(one))
        assert.ok(pace.note(1e6))
        assert.ok(pace.factorOf(1) > 0.2)
      }),
    )
  })
})
