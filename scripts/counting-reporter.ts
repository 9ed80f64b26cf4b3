import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'
import type { TestCounts } from './test-counts.ts'

/** Names the file that the counts are written to. */
export const COUNTS_FILE_VARIABLE = 'TEST_COUNTS_FILE'

/** Mocha's own report, and the counts as JSON in a file for the script that runs several suites. */
class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    const failures: string[] = []
    runner.on('fail', (test: Mocha.Test, error: Error) => failures.push(`${test.fullTitle()}: ${error.message.split('\n', 1)[0]}`))
    runner.once('end', () => {
      const { passes, pending } = this.stats
      const counts: TestCounts = { passed: passes, failed: this.stats.failures, skipped: pending, failures }
      const file = process.env[COUNTS_FILE_VARIABLE]
      if (file !== undefined) writeFileSync(file, JSON.stringify(counts))
    })
  }
}

// Mocha loads a reporter with require and takes what that gives.
export { CountingReporter as 'module.exports' }
