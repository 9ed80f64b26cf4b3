import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'

/** Names the file that the counts are written to. */
export const COUNTS_FILE_VARIABLE = 'TEST_COUNTS_FILE'

export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Mocha's own report, and the counts as JSON in a file for the script that runs several suites. */
class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats
      const counts: TestCounts = { passed: passes, failed: failures, skipped: pending }
      const file = process.env[COUNTS_FILE_VARIABLE]
      if (file !== undefined) writeFileSync(file, JSON.stringify(counts))
    })
  }
}

// Mocha loads a reporter with require and takes what that gives.
export { CountingReporter as 'module.exports' }
