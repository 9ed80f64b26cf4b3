import { join } from 'node:path'
import { ROOT } from './checks.ts'
import { runInGroup, type Outcome } from './processes.ts'
import { countOf, NO_COUNTS, type TestCounts } from './test-counts.ts'

/** The same faults and inputs each time, so that a failure is that of the change. */
const FUZZ_SEED = '11'
/** With this one every kind of fault happens within the minutes. */
const CHAOS_SEED = '12'
/** Of each; by the clock in chaos, of the processors in fuzzing. */
const CHAOS_MINUTES = '5'
const FUZZ_MINUTES = '1.8'
/** Of each target: what was tried before, and no more of it on a faster machine. */
const FUZZ_INPUTS = '20000'
/** Milliseconds. */
const TIME_LIMIT = 720_000
/** The exit code where it cannot run. */
const SKIPPED = 77

/** Lets everything go wrong that can for some minutes. It counts as one test. */
export async function checkInChaos(): Promise<TestCounts> {
  process.stdout.write('\nRunning in chaos ...\n')
  const outcome = await runScript('scripts/chaos.ts', '--seed', CHAOS_SEED, '--minutes', CHAOS_MINUTES)
  if (outcome.type === 'exited' && outcome.code === SKIPPED) return { ...NO_COUNTS, skipped: 1 }
  return countOf('the run in chaos', outcome.type === 'exited' && outcome.code === 0)
}

/** Sends every decoder and HTTP surface what nobody expects for some minutes. It counts as one test. */
export async function checkFuzzing(): Promise<TestCounts> {
  process.stdout.write('\nFuzzing ...\n')
  const outcome = await runScript('scripts/fuzz.ts', '--seed', FUZZ_SEED, '--minutes', FUZZ_MINUTES, '--inputs', FUZZ_INPUTS)
  return countOf('fuzzing', outcome.type === 'exited' && outcome.code === 0)
}

function runScript(script: string, ...args: readonly string[]): Promise<Outcome> {
  return runInGroup(process.execPath, ['--conditions=development', join(ROOT, script), ...args], { timeLimit: TIME_LIMIT })
}
