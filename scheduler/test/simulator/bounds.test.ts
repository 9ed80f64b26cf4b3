import assert from 'node:assert/strict'
import { discreteBound, fluidBound, presenceBound } from '../../src/simulator/measure/bounds.ts'
import { jainIndex, quantile } from '../../src/simulator/measure/quantile.ts'

describe('the fluid bound', () => {
  it('is what the source, the slowest child, or all together allow', () => {
    const peers = [10, 10, 10]
    assert.equal(fluidBound(1000, { source: 5, peers }, [100, 100, 100]), 200)
    assert.equal(fluidBound(1000, { source: 50, peers }, [100, 100, 4]), 250)
    assert.equal(fluidBound(1000, { source: 20, peers: [0, 0, 10] }, [100, 100, 100]), 100)
  })
})

describe('the discrete bound', () => {
  it('adds the time until everybody has a first piece', () => {
    assert.equal(discreteBound(1000, 10, { source: 10, peers: Array.from({ length: 32 }, () => 10) }), 150)
    assert.equal(discreteBound(1000, 10, { source: 10, peers: [10] }), 100)
  })

  it('is not known where rates differ', () => {
    assert.equal(discreteBound(1000, 10, { source: 10, peers: [10, 9] }), undefined)
  })
})

describe('the bound for those present', () => {
  it('counts what each could send while it was there', () => {
    const from0 = { from: 0, until: Infinity, upload: 10 }
    assert.equal(presenceBound(1000, 10, [from0]), 50)
    assert.equal(presenceBound(1000, 10, [{ ...from0, from: 60 }]), 80)
    assert.equal(presenceBound(1000, 10, [{ ...from0, until: 20 }]), 80)
    assert.equal(presenceBound(1000, 10, []), 100)
  })
})

describe('an index of fairness', () => {
  it('is 1 among equals and 1/n if one has all', () => {
    assert.equal(jainIndex([3, 3, 3]), 1)
    assert.equal(jainIndex([5, 0, 0, 0]), 0.25)
  })
})

describe('a quantile', () => {
  it('is one of the values', () => {
    assert.deepEqual([0.5, 0.99, 1].map((share) => quantile([1, 2, 3, 4], share)), [2, 4, 4])
    assert.ok(Number.isNaN(quantile([], 0.5)))
  })
})
