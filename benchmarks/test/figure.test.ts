import assert from 'node:assert/strict'
import { figure, median, meets } from '../src/figure.ts'

describe('a figure', () => {
  it('is the median of its samples', () => {
    assert.equal(median([3, 1, 2]), 2)
    assert.equal(median([4, 1, 2, 3]), 2.5)
    assert.throws(() => median([]), RangeError)
  })

  it('says whether it meets its goal', () => {
    assert.equal(figure('a', 'x', [1, 2, 3], { op: '<=', value: 2 }).met, true)
    assert.equal(figure('a', 'x', [1, 2, 3], { op: '>=', value: 2.1 }).met, false)
    assert.equal(meets(1, { op: '==', value: 1 }), true)
    assert.equal(figure('a', 'x', [1]).met, undefined)
  })
})
