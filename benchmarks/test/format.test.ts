import assert from 'node:assert/strict'
import { formatCommit, formatGoal, formatNumber, formatSpread, formatValue } from '../src/format.ts'

describe('numbers as a person reads them', () => {
  it('have three digits that count, and all digits of whole numbers', () => {
    const read = [0.0123, 0.5, 1.2345, 12.345, 123.45, 1234.5, 2_000_000, 3].map(formatNumber)
    assert.deepEqual(read, ['0.012', '0.500', '1.23', '12.3', '123', '1,235', '2,000,000', '3'])
  })

  it('stand beside their unit, their goal and their spread', () => {
    assert.equal(formatValue({ value: 1.5, unit: 'x' }), '1.50x')
    assert.equal(formatValue({ value: 2, unit: 'CPU-s' }), '2 CPU-s')
    assert.equal(formatGoal({ unit: '%', goal: { op: '>=', value: 60 } }), '≥ 60%')
    assert.equal(formatSpread([2, 1, 3]), '1 to 3')
    assert.equal(formatSpread([2]), '')
  })

  it('and commits are cut, not what was changed in them', () => {
    assert.equal(formatCommit(`${'a'.repeat(40)}-dirty`), `${'a'.repeat(12)}-dirty`)
    assert.equal(formatCommit(''), 'unknown')
  })
})
