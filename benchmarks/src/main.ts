import { constants } from 'node:os'
import type { Bench } from './bench.ts'
import { BENCHES } from './benches.ts'
import { parseCommandLine, usage, UsageError, type Command } from './command-line.ts'
import type { BenchResult } from './figure.ts'
import { Labs } from './labs.ts'
import { writePerformancePages } from './page/write.ts'
import { formatResult } from './print.ts'
import { runBench } from './run-bench.ts'
import { saveResult } from './saved-results.ts'

const labs = new Labs()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    process.stderr.write(`interrupted by ${signal}\n`)
    void labs.close().finally(() => process.exit(128 + constants.signals[signal]))
  })
}

try {
  const command = parseCommandLine(process.argv.slice(2), BENCHES)
  if (command.help) process.stdout.write(usage(BENCHES))
  else await runAll(command)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`bench: ${error.message}\n${usage(BENCHES)}`)
  process.exitCode = 2
}

/** One that fails does not keep the others from being measured. */
async function runAll(command: Command): Promise<void> {
  const results: BenchResult[] = []
  for (const bench of command.benches) {
    try {
      results.push(await runOne(bench, command))
    } catch (error) {
      if (labs.isClosed) return
      process.stderr.write(`${bench.name} failed: ${error instanceof Error ? error.stack : String(error)}\n`)
      process.exitCode = 1
    }
  }
  if (command.save) for (const path of await writePerformancePages(BENCHES)) process.stderr.write(`wrote ${path}\n`)
  if (!command.json) return
  const printed = command.isSingle ? results[0] : results
  if (printed !== undefined) process.stdout.write(`${JSON.stringify(printed)}\n`)
}

async function runOne(bench: Bench, { rounds, large, json, save }: Command): Promise<BenchResult> {
  process.stderr.write(`${bench.name}: ${bench.title}\n`)
  const outcome = await runBench(bench, { rounds, large, labs, report: (line) => process.stderr.write(`  ${line}\n`) })
  if (outcome.type === 'skipped') return outcome.result
  if (save) process.stderr.write(`  saved to ${await saveResult(outcome.result)}\n`)
  const { machine, commit, figures } = outcome.result
  const result = { bench: bench.name, machine, commit, figures }
  if (!json) process.stdout.write(`${formatResult(result)}\n`)
  return result
}
