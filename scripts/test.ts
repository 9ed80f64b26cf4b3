import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { tryEnsureBundles } from './bundling/ensure-bundles.ts'
import { CHECKS, holds, ROOT } from './checks.ts'
import { ensureExternalPrograms } from './external-programs.ts'
import { checkFuzzing, checkInChaos } from './long-checks.ts'
import { Interrupted } from './processes.ts'
import { reportPerformance } from './performance.ts'
import { reportAudit } from './supply-chain/audit.ts'
import { END_TO_END, forgetCoverage, reportCoverage, runSuite, UNIT } from './suites.ts'
import { addCounts, countOf, summaryOf, type TestCounts } from './test-counts.ts'

const USAGE = `npm test                   types, lint, unit tests, end-to-end tests, coverage
npm test -- --unit         only the unit tests
npm test -- --e2e          only the end-to-end tests
npm test -- --grep TEXT    only the tests whose names contain TEXT
`

const { values: options } = parseArgs({
  options: {
    unit: { type: 'boolean', default: false },
    e2e: { type: 'boolean', default: false },
    grep: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

try {
  if (options.help) process.stdout.write(USAGE)
  else await testAll()
} catch (error) {
  if (!(error instanceof Interrupted)) throw error
  process.stdout.write(`\n${error.message}\n`)
  process.exitCode = 128 + constants.signals[error.signal]
}

async function testAll(): Promise<void> {
  const suites = options.unit === options.e2e ? [UNIT, END_TO_END] : [options.unit ? UNIT : END_TO_END]
  const restricted = suites.length === 1 || options.grep !== undefined
  const results: TestCounts[] = []
  if (suites.includes(END_TO_END)) {
    ensureExternalPrograms()
    await tryEnsureBundles(ROOT)
  }
  if (!restricted) for (const check of CHECKS) results.push(countOf(`the check of ${check.name}`, await holds(check)))
  forgetCoverage()
  const mochaArguments = options.grep === undefined ? [] : ['--fgrep', options.grep]
  for (const suite of suites) results.push(await runSuite(suite, mochaArguments))
  if (suites.includes(UNIT) && !(await reportCoverage())) results.push(countOf('the report of coverage', false))
  if (!restricted && process.env['CI'] !== undefined) {
    results.push(await checkInChaos())
    results.push(await checkFuzzing())
    await reportPerformance()
    reportAudit(ROOT, new Date().toISOString().slice(0, 10))
  }

  const total = results.reduce(addCounts)
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1
  process.stdout.write(`\n${summaryOf(total)}\n`)
}
