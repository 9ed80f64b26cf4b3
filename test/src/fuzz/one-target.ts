import { Coverage } from './coverage.ts'
import { allTargets, keepInput, readCorpus, ROOT } from './corpus.ts'
import { fuzzTarget, Trial } from './fuzz-target.ts'
import { readFileSync } from 'node:fs'

/** What the process of one target is told, as JSON, and what it answers with in one line. */
export interface OneTarget {
  readonly name: string
  readonly seed: number
  readonly seconds: number
  /** Inputs besides the corpus; undefined: as many as there is time for. */
  readonly most?: number | undefined
  /** Where inputs are written that did what they must not. */
  readonly findings: string
  /** Whether inputs that ran something new are added to the corpus. */
  readonly keep: boolean
  /** Only this file is tried. */
  readonly input?: string | undefined
}

export interface OneOutcome {
  readonly inputs: number
  readonly edges: number
  readonly corpus: number
  readonly added: number
  readonly finding?: { readonly what: string; readonly file: string } | undefined
}

const { name, seed, seconds, most, findings, keep, input } = JSON.parse(process.argv[2] ?? '{}') as OneTarget
const placed = (await allTargets()).find(({ target }) => target.name === name)
if (placed === undefined) throw new Error(`there is no target ${name}`)

process.stdout.write(`${JSON.stringify(input === undefined ? await fuzz(placed) : await replay(placed, input))}\n`)
// Servers may have connections of clients that went away in every way.
process.exit()

async function fuzz(one: typeof placed & object): Promise<OneOutcome> {
  const coverage = new Coverage(ROOT)
  const { inputs, edges, interesting, finding } = await fuzzTarget(one, coverage, { seed, seconds, most })
  if (keep) for (const found of interesting) keepInput(one.corpus, found)
  const file = finding === undefined ? '' : keepInput(findings, finding.input, `${name}-${seed}`)
  return { inputs, edges, corpus: readCorpus(one.corpus).length, added: interesting.length, ...(finding !== undefined && { finding: { what: finding.what, file } }) }
}

async function replay(one: typeof placed & object, file: string): Promise<OneOutcome> {
  await one.target.start?.()
  const finding = await new Trial(one.target).try(readFileSync(file))
  await one.target.stop?.()
  return { inputs: 1, edges: 0, corpus: 0, added: 0, ...(finding !== undefined && { finding: { what: finding.what, file } }) }
}
