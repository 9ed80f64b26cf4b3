import { parseArgs } from 'node:util'
import type { Bench } from './bench.ts'

const MAX_ROUNDS = 100

export interface Command {
  readonly benches: readonly Bench[]
  /** Whether one was named, rather than all taken. */
  readonly isSingle: boolean
  readonly rounds: number | undefined
  readonly large: boolean
  readonly json: boolean
  readonly save: boolean
  readonly help: boolean
}

export class UsageError extends Error {}

export function usage(benches: readonly Bench[]): string {
  const width = Math.max(...benches.map(({ name }) => name.length))
  return `npm run bench                      all benchmarks
npm run bench -- NAME              one of them
npm run bench -- NAME --rounds N   with so many rounds that count
npm run bench -- NAME --large      with the largest sizes, which take more disk and time
npm run bench -- NAME --json       the result as one JSON object; without a name, an array of them
npm run bench -- NAME --save       also writes benchmarks/results/, docs/performance.md and its plots

${benches.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`).join('\n')}
`
}

/** @throws UsageError */
export function parseCommandLine(args: readonly string[], benches: readonly Bench[]): Command {
  const { values, positionals } = parse(args)
  if (positionals.length > 1) throw new UsageError('one benchmark at a time, or all')
  const [name] = positionals
  const chosen = benches.filter((bench) => name === undefined || bench.name === name)
  if (chosen.length === 0) throw new UsageError(`there is no benchmark '${name ?? ''}'`)
  const { rounds, large, json, save, help } = values
  return { benches: chosen, isSingle: name !== undefined, rounds: rounds === undefined ? undefined : toRounds(rounds), large, json, save, help }
}

// oxlint-disable-next-line typescript/explicit-function-return-type -- parseArgs knows it better
function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rounds: { type: 'string' },
        large: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        save: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function toRounds(text: string): number {
  const rounds = Number(text)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > MAX_ROUNDS) throw new UsageError(`--rounds takes a number from 1 to ${MAX_ROUNDS}`)
  return rounds
}
