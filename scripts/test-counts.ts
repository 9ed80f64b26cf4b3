export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What failed and why, a line each. */
  readonly failures: readonly string[]
}

export const NO_COUNTS: TestCounts = { passed: 0, failed: 0, skipped: 0, failures: [] }

/** A check counts as one test. */
export function countOf(name: string, passed: boolean): TestCounts {
  return passed ? { ...NO_COUNTS, passed: 1 } : withFailure(NO_COUNTS, name)
}

export function withFailure(counts: TestCounts, failure: string): TestCounts {
  return { ...counts, failed: counts.failed + 1, failures: [...counts.failures, failure] }
}

export function addCounts(a: TestCounts, b: TestCounts): TestCounts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
  }
}

/** What failed, so that the end of a long report is enough; its last line reads `N passed, N failed`. */
export function summaryOf({ passed, failed, skipped, failures }: TestCounts): string {
  const counts = `${passed} passed, ${failed} failed`
  const last = skipped === 0 ? counts : `${counts}, ${skipped} skipped`
  return failures.length === 0 ? last : ['Failed:', ...failures.map((failure) => `  ${failure}`), '', last].join('\n')
}
