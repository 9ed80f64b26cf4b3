import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { messageOf } from '@damselfly/shared'
import { allTargets } from './corpus.ts'
import type { OneOutcome, OneTarget } from './one-target.ts'

const USAGE = `npm run fuzz                          two minutes of inputs that nobody expects, for every target
npm run fuzz -- --minutes 60          longer, in all
npm run fuzz -- --target tickets      only this one (again for more)
npm run fuzz -- --seed 7              the same inputs as in another run with this seed
npm run fuzz -- --inputs 20000        no more than so many of each target, however fast the machine is
npm run fuzz -- --keep                inputs that ran new code are added to the corpus
npm run fuzz -- --target T --input F  tries the input in a file once more
npm run fuzz -- --list                the targets

Changes the inputs of each target's corpus, led by the code that they run. What does what it must not is made smaller and written
to a file; put it into the corpus under a name that tells what it was, and mend what it found.
`

const run = promisify(execFile)
/** Of a process, besides its inputs; milliseconds. */
const EXTRA_TIME = 300_000
/** By a machine that has more to do. */
const MOST_SLOWDOWN = 10
const CHILD = join(import.meta.dirname, 'one-target.ts')
/** Garbage that is never collected must show. */
const NODE_ARGUMENTS = ['--conditions=development', '--max-old-space-size=768', '--disable-warning=ExperimentalWarning']

/** @returns the exit code: 1 if anything was found, 2 for a wrong use */
export async function fuzz(args: readonly string[]): Promise<number> {
  try {
    const values = read(args)
    if (values.help) return say(USAGE)
    const names = (await allTargets()).map(({ target }) => target.name)
    if (values.list) return say(`${names.join('\n')}\n`)
    const unknown = values.target?.find((name) => !names.includes(name))
    if (unknown !== undefined) throw new Error(`there is no target ${unknown}; there are ${names.join(', ')}`)
    const minutes = Number(values.minutes)
    if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is not a positive number`)
    const most = values.inputs === undefined ? undefined : Number(values.inputs)
    if (most !== undefined && !(most > 0)) throw new Error(`--inputs ${values.inputs} is not a positive number`)
    const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
    const findings = join(tmpdir(), `damselfly-fuzz-${seed}`)
    await mkdir(findings, { recursive: true })
    return await fuzzAll(values.target ?? names, { seed, minutes, most, findings, keep: values.keep, input: values.input })
  } catch (error) {
    process.stdout.write(`fuzz: ${messageOf(error)}\n\n${USAGE}`)
    return 2
  }
}

interface Wanted extends Omit<OneTarget, 'name' | 'seconds'> {
  readonly minutes: number
}

async function fuzzAll(names: readonly string[], { minutes, ...wanted }: Wanted): Promise<number> {
  const jobs = Math.min(4, availableParallelism(), names.length)
  const seconds = (minutes * 60 * jobs) / names.length
  process.stdout.write(`Fuzzing ${names.length} targets for ${minutes} minutes with seed ${wanted.seed}\n`)
  const waiting = [...names]
  const total = { inputs: 0, edges: 0, findings: 0 }
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const outcome = await fuzzOne({ ...wanted, name, seconds })
      total.inputs += outcome.inputs
      total.edges += outcome.edges
      process.stdout.write(lineOf(name, outcome))
      if (outcome.finding === undefined) continue
      total.findings++
      process.stdout.write(`    ${outcome.finding.what.replaceAll('\n', '\n    ')}\n    again        npm run fuzz -- --target ${name} --input ${outcome.finding.file}\n`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  process.stdout.write(`${total.inputs} inputs, ${total.edges} edges, ${total.findings} findings\n`)
  return total.findings > 0 ? 1 : 0
}

async function fuzzOne(one: OneTarget): Promise<OneOutcome> {
  const limits = { timeout: Math.ceil(one.seconds * MOST_SLOWDOWN) * 1000 + EXTRA_TIME, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 } as const
  try {
    const { stdout } = await run(process.execPath, [...NODE_ARGUMENTS, CHILD, JSON.stringify(one)], limits)
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as OneOutcome
  } catch (error) {
    // It died, or hangs: no part of it could say by which input.
    return { inputs: 0, edges: 0, corpus: 0, added: 0, finding: { what: `its process ended: ${messageOf(error).slice(-2000)}`, file: 'unknown' } }
  }
}

function lineOf(name: string, { inputs, edges, corpus, added, finding }: OneOutcome): string {
  return `  ${finding === undefined ? 'fine ' : 'FOUND'}  ${name.padEnd(24)} ${String(inputs).padStart(9)} inputs  ${String(edges).padStart(6)} edges  ${String(corpus).padStart(4)} in the corpus  ${String(added).padStart(4)} new\n`
}

function read(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '2' },
      target: { type: 'string', multiple: true },
      seed: { type: 'string' },
      inputs: { type: 'string' },
      keep: { type: 'boolean', default: false },
      input: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  return values
}

function say(text: string): number {
  process.stdout.write(text)
  return 0
}
