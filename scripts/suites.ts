import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './checks.ts'
import { COUNTS_FILE_VARIABLE } from './counting-reporter.ts'
import { NO_COUNTS, withFailure, type TestCounts } from './test-counts.ts'
import { runInGroup } from './processes.ts'

export interface Suite {
  readonly name: string
  readonly files: string
  /** Milliseconds. */
  readonly timeLimit: number
  /** Over those of this process. */
  readonly env: Readonly<Record<string, string>>
}

/** Where each process that runs under test, children included, leaves what it covered. */
const COVERAGE = join(ROOT, 'coverage')

/** Files of one suite run side by side in so many processes. */
const JOBS = Math.min(4, availableParallelism())

export const UNIT: Suite = {
  name: 'unit',
  files: '{shared,scheduler,exchange,cdn,supernode,dfdaemon,dfget,benchmarks,scripts}/test/**/*.test.ts',
  timeLimit: 600_000,
  env: {
    NODE_V8_COVERAGE: join(COVERAGE, 'tmp'),
    // Functions that come out of the cache are counted less precisely.
    NODE_DISABLE_COMPILE_CACHE: '1',
  },
}

/** The programs run as they are installed: their bundles, with compiled code that is kept. */
export const END_TO_END: Suite = {
  name: 'end-to-end',
  files: 'test/**/*.test.ts',
  timeLimit: 900_000,
  env: { NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/damselfly-compile') },
}

export function forgetCoverage(): void {
  rmSync(COVERAGE, { recursive: true, force: true })
}

/** Prints the summary and writes coverage/lcov.info. @returns whether that went well. */
export async function reportCoverage(): Promise<boolean> {
  const c8 = join(ROOT, 'node_modules/.bin/c8')
  const outcome = await runInGroup(c8, ['report'], { timeLimit: 120_000 })
  rmSync(join(COVERAGE, 'tmp'), { recursive: true, force: true })
  return outcome.type === 'exited' && outcome.code === 0
}

/** Runs one suite. Whatever keeps it from coming to its end counts as one failure. */
export async function runSuite(suite: Suite, mochaArguments: readonly string[]): Promise<TestCounts> {
  const files = globSync(suite.files, { cwd: ROOT, exclude: ['**/node_modules'] }).toSorted()
  if (files.length === 0) return NO_COUNTS
  process.stdout.write(`\nRunning ${suite.name} tests ...\n`)
  const folder = mkdtempSync(join(tmpdir(), 'damselfly-test-'))
  const countsFile = join(folder, 'counts.json')
  try {
    const mocha = join(ROOT, 'node_modules/.bin/mocha')
    const reporter = join(ROOT, 'scripts/counting-reporter.ts')
    const parallel = JOBS > 1 ? ['--parallel', '--jobs', String(JOBS)] : []
    const outcome = await runInGroup(mocha, ['--reporter', reporter, ...parallel, ...mochaArguments, ...files], {
      timeLimit: suite.timeLimit,
      env: { ...suite.env, [COUNTS_FILE_VARIABLE]: countsFile },
    })
    const counts = readCounts(countsFile)
    if (outcome.type === 'killed') return withFailure(counts, `the ${suite.name} tests were killed: ${outcome.why}`)
    return outcome.code !== 0 && counts.failed === 0 ? withFailure(counts, `the ${suite.name} tests ended with code ${outcome.code}`) : counts
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readCounts(file: string): TestCounts {
  if (!existsSync(file)) return NO_COUNTS
  return JSON.parse(readFileSync(file, 'utf8')) as TestCounts
}
