import { parseArgs } from 'node:util'
import type { Bench } from './bench.ts'
import type { BenchResult } from './figure.ts'
import { firstBench } from './first/first.ts'
import { describeCommit, describeMachine } from './machine.ts'
import { formatResult } from './print.ts'

const BENCHES: readonly Bench[] = [firstBench]

const USAGE = `npm run bench                 all benchmarks
npm run bench -- NAME         one of them: ${BENCHES.map(({ name }) => name).join(', ')}
npm run bench -- NAME --json  the result as one JSON object; without a name, an array of them
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
})

const [name] = positionals
const chosen = BENCHES.filter((bench) => name === undefined || bench.name === name)
if (values.help) {
  process.stdout.write(USAGE)
} else if (chosen.length === 0 || positionals.length > 1) {
  process.stderr.write(`bench: there is no benchmark '${positionals.join(' ')}'\n${USAGE}`)
  process.exitCode = 2
} else {
  const results: BenchResult[] = []
  for (const bench of chosen) {
    process.stderr.write(`${bench.name}: ${bench.title}\n`)
    const figures = await bench.run((line) => process.stderr.write(`  ${line}\n`))
    const result = { bench: bench.name, machine: describeMachine(), commit: await describeCommit(), figures }
    results.push(result)
    if (!values.json) process.stdout.write(`${formatResult(result)}\n`)
  }
  if (values.json) process.stdout.write(`${JSON.stringify(name === undefined ? results : results[0])}\n`)
}
