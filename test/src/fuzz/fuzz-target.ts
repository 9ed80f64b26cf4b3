import { seededRandom } from '@damselfly/scheduler/trace'
import { readCorpus, type PlacedTarget } from './corpus.ts'
import type { Coverage } from './coverage.ts'
import { Mutator } from './mutate.ts'
import { shrink } from './shrink.ts'

/** Inputs between two looks at the coverage, which costs milliseconds. */
const BATCH = 128
/** Processor time that one input may take; milliseconds. */
const MOST_MS = 2000
/** What all buffers may take; bytes. */
const MOST_MEMORY = 512 * 1024 * 1024
/** Inputs between two looks at the memory, which take longer than most inputs. */
const MEMORY_EVERY = 64
const MAX_BYTES = 4096
/** By the clock, in relation to the processor time that there is: inputs for servers may do nothing but wait. */
const MOST_WAITING = 4
/** Of its best inputs the youngest are changed most often. */
const YOUNGEST = 16

export interface FuzzInit {
  readonly seed: number
  /** Of processor time, which a busy machine does not shorten; the corpus is tried in full, however long it takes. */
  readonly seconds: number
  /** Inputs besides the corpus. @default as many as there is time for */
  readonly most?: number | undefined
}

/** Something that an input did and must not do. */
export interface Finding {
  readonly what: string
  readonly input: Uint8Array
}

export interface FuzzOutcome {
  readonly inputs: number
  readonly edges: number
  /** Inputs that ran what none before them ran, the corpus not among them. */
  readonly interesting: readonly Uint8Array[]
  readonly finding: Finding | undefined
}

/** Tries one target, led by what its inputs run. The same seed tries the same inputs for as long as the target does the same. */
export async function fuzzTarget({ target, corpus }: PlacedTarget, coverage: Pick<Coverage, 'edges' | 'fresh' | 'know'>, init: FuzzInit): Promise<FuzzOutcome> {
  const { seeds, words = [], maxBytes = MAX_BYTES } = target
  const random = seededRandom(init.seed)
  const mutator = new Mutator(random, words, maxBytes)
  const known = [...seeds.map((seed) => Buffer.from(seed)), ...readCorpus(corpus).map(([, input]) => input)]
  const pool: Uint8Array[] = known.length === 0 ? [new Uint8Array(0)] : [...known]
  const interesting: Uint8Array[] = []
  const trial = new Trial(target)
  let inputs = 0
  const found: { finding?: Finding | undefined } = {}
  const attempt = async (input: Uint8Array): Promise<boolean> => {
    inputs++
    found.finding = await trial.try(input)
    return found.finding === undefined
  }
  await target.start?.()
  const begun = process.cpuUsage()
  const since = performance.now()
  const isOver = (): boolean => {
    const { user, system } = process.cpuUsage(begun)
    const waited = (performance.now() - since) / 1000
    return (user + system) / 1e6 > init.seconds || waited > init.seconds * MOST_WAITING || inputs - known.length >= (init.most ?? Number.POSITIVE_INFINITY)
  }
  try {
    for (const input of known) if (!(await attempt(input))) break
    coverage.know(coverage.fresh())
    while (found.finding === undefined && !isOver()) {
      const batch = Array.from({ length: BATCH }, () => mutator.mutate(choose(pool, random), choose(pool, random)))
      for (const input of batch) if (found.finding === undefined && !isOver()) await attempt(input)
      const fresh = coverage.fresh()
      if (found.finding !== undefined || fresh.length === 0) continue
      for (const input of batch) {
        if (!(await attempt(input))) break
        const own = coverage.fresh()
        if (own.length === 0) continue
        coverage.know(own)
        pool.push(input)
        interesting.push(input)
      }
      // What runs in its first round only would be fresh for ever.
      coverage.know(fresh)
    }
    return { inputs, edges: coverage.edges, interesting, finding: found.finding === undefined ? undefined : await trial.shrunk(found.finding) }
  } finally {
    await target.stop?.()
  }
}

function choose(pool: readonly Uint8Array[], random: () => number): Uint8Array {
  const from = random() < 0.5 ? Math.max(0, pool.length - YOUNGEST) : 0
  return pool[from + Math.floor(random() * (pool.length - from))] as Uint8Array
}

/** Runs inputs one by one, and tells what is wrong. */
export class Trial {
  readonly #target: PlacedTarget['target']
  #stray: unknown
  #count = 0

  constructor(target: PlacedTarget['target']) {
    this.#target = target
  }

  async try(input: Uint8Array): Promise<Finding | undefined> {
    const note = (error: unknown): void => void (this.#stray ??= error)
    this.#stray = undefined
    process.on('uncaughtException', note).on('unhandledRejection', note)
    const before = process.cpuUsage()
    let what: string | undefined
    try {
      // A copy of its own: what is read behind its end must show.
      const running = this.#target.run(Uint8Array.from(input))
      if (running !== undefined) await running
    } catch (error) {
      what = describe(error)
    } finally {
      process.off('uncaughtException', note).off('unhandledRejection', note)
    }
    if (this.#stray !== undefined) what ??= `nobody caught ${describe(this.#stray)}`
    const { user, system } = process.cpuUsage(before)
    if ((user + system) / 1000 > MOST_MS) what ??= `took ${Math.round((user + system) / 1000)} ms of a processor`
    const { arrayBuffers, heapUsed } = ++this.#count % MEMORY_EVERY === 0 ? process.memoryUsage() : { arrayBuffers: 0, heapUsed: 0 }
    if (arrayBuffers + heapUsed > MOST_MEMORY) what ??= `left ${Math.round((arrayBuffers + heapUsed) / 1024 ** 2)} MiB of memory in use`
    return what === undefined ? undefined : { what, input }
  }

  async shrunk({ what, input }: Finding): Promise<Finding> {
    const kind = firstWords(what)
    const smaller = await shrink(input, async (one) => firstWords((await this.try(one))?.what ?? '') === kind)
    return { what, input: smaller }
  }
}

function firstWords(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replaceAll(/\d+/g, '0').slice(0, 60)
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}\n${(error.stack ?? '').split('\n').slice(1, 6).join('\n')}` : String(error)
}
