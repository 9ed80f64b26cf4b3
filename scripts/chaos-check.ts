import { join } from 'node:path'
import { ROOT } from './checks.ts'
import { runInGroup } from './processes.ts'
import { countOf, NO_COUNTS, type TestCounts } from './test-counts.ts'

/** The same faults each time, so that a failure is that of the change. */
const SEED = '11'
const MINUTES = '5'
/** The others are for runs by hand, until they have run for long enough. */
const FAULTS = 'kill,restart,freeze,cut-off,loss,slow-line,full-disk,damage,lie,clock-step,origin-cuts,origin-refuses,origin-trickles,origin-mixes-ranges'
/** Milliseconds. */
const TIME_LIMIT = 720_000
/** The exit code where it cannot run. */
const SKIPPED = 77

/** Lets everything go wrong that can for some minutes. It counts as one test. */
export async function checkInChaos(): Promise<TestCounts> {
  process.stdout.write('\nRunning in chaos ...\n')
  const args = ['--conditions=development', join(ROOT, 'scripts/chaos.ts'), '--seed', SEED, '--minutes', MINUTES, '--only', FAULTS]
  const outcome = await runInGroup(process.execPath, args, { timeLimit: TIME_LIMIT })
  if (outcome.type === 'exited' && outcome.code === SKIPPED) return { ...NO_COUNTS, skipped: 1 }
  return countOf('the run in chaos', outcome.type === 'exited' && outcome.code === 0)
}
