import assert from 'node:assert/strict'
import fc from 'fast-check'
import { quantile } from '../../src/many/quantile.ts'

describe('a quantile', () => {
  it('is a sample that so many do not exceed', () => {
    assert.equal(quantile([5, 1, 4, 2, 3], 0.5), 3)
    assert.equal(quantile([1, 2], 0), 1)
    assert.throws(() => quantile([], 0.5), RangeError)
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (samples, part) => {
        const found = quantile(samples, part)
        assert.ok(samples.includes(found))
        assert.ok(samples.filter((sample) => sample <= found).length >= part * samples.length)
      }),
    )
  })
})
