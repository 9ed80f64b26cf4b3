import assert from 'node:assert/strict'
import { addCounts, countOf, NO_COUNTS, summaryOf, withFailure } from '../test-counts.ts'

describe('the summary of all tests', () => {
  it('adds what the suites and the checks count', () => {
    const suite = { passed: 3, failed: 0, skipped: 1, failures: [] }
    assert.equal(summaryOf(addCounts(suite, countOf('lint', true))), '4 passed, 0 failed, 1 skipped')
  })

  it('names what failed right before its last line', () => {
    const suite = withFailure({ ...NO_COUNTS, passed: 2 }, 'a peer finds pieces: too late')
    assert.equal(
      summaryOf(addCounts(suite, countOf('the check of lint', false))),
      'Failed:\n  a peer finds pieces: too late\n  the check of lint\n\n2 passed, 2 failed',
    )
  })
})
