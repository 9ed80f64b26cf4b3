import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './checks.ts'
import { runInGroup } from './processes.ts'

/** Milliseconds. */
const TIME_LIMIT = 180_000

/** Compares quick ratios with the saved ones, and prints them. It informs only: a busy machine must not fail a test run. */
export async function reportPerformance(): Promise<void> {
  process.stdout.write('\nLooking at performance; this informs only ...\n')
  // Its files go with it even when it has to be killed.
  const folder = mkdtempSync(join(tmpdir(), 'damselfly-bench-'))
  // nginx's workers run as another user and must pass.
  chmodSync(folder, 0o711)
  try {
    const bench = ['--conditions=development', join(ROOT, 'benchmarks/src/main.ts'), 'regression']
    const outcome = await runInGroup(process.execPath, bench, { timeLimit: TIME_LIMIT, env: { TMPDIR: folder } })
    if (outcome.type === 'killed') process.stdout.write(`Performance was not measured: ${outcome.why}.\n`)
    else if (outcome.code !== 0) process.stdout.write('Performance was not measured: the benchmark failed.\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
