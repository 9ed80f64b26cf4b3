import { loadavg } from 'node:os'
import type { Bench } from './bench.ts'
import type { BenchResult } from './figure.ts'
import type { Labs } from './labs.ts'
import { describeCommit, describeMachine } from './machine.ts'
import { debianPackage, findProgram, type InstalledProgram, type ReferenceProgram } from './reference-programs.ts'
import type { SavedResult } from './saved-results.ts'

export interface RunSettings {
  readonly rounds: number | undefined
  readonly large: boolean
  readonly labs: Labs
  readonly report: (line: string) => void
}

/** A measured benchmark, with its circumstances, or one that could not be measured here. */
export type Outcome = { readonly type: 'measured'; readonly result: SavedResult } | { readonly type: 'skipped'; readonly result: BenchResult }

export async function runBench(bench: Bench, { rounds, large, labs, report }: RunSettings): Promise<Outcome> {
  const { programs, missing } = await lookFor([...bench.needs, ...(bench.uses ?? [])])
  const common = { bench: bench.name, machine: describeMachine(), commit: await describeCommit() }
  const skipped = missing.filter((program) => bench.needs.includes(program))
  if (skipped.length > 0) {
    report(`skipped: ${absence(skipped)}`)
    return { type: 'skipped', result: { ...common, figures: [], skipped } }
  }
  const reason = await bench.whyNot?.()
  if (reason !== undefined) {
    report(`skipped: ${reason}`)
    return { type: 'skipped', result: { ...common, figures: [], skipped: [reason] } }
  }
  if (missing.length > 0) report(`left out what is compared with others: ${absence(missing)}`)

  const began = { measuredAt: new Date().toISOString(), loadBefore: loadavg()[0] ?? 0 }
  const started = performance.now()
  const figures = await bench.run({ rounds, large, programs, report, withLab: (work) => labs.with(work) })
  const seconds = Math.round((performance.now() - started) / 1000)
  const versions = Object.fromEntries([...programs].map(([name, { version }]) => [name, version]))
  return { type: 'measured', result: { ...common, figures, ...began, seconds, programs: versions } }
}

function absence(missing: readonly ReferenceProgram[]): string {
  return `${missing.join(', ')} not installed (apt-get install ${missing.map(debianPackage).join(' ')})`
}

async function lookFor(
  names: readonly ReferenceProgram[],
): Promise<{ programs: ReadonlyMap<ReferenceProgram, InstalledProgram>; missing: readonly ReferenceProgram[] }> {
  const programs = new Map<ReferenceProgram, InstalledProgram>()
  for (const name of names) {
    const program = await findProgram(name)
    if (program !== undefined) programs.set(name, program)
  }
  return { programs, missing: names.filter((name) => !programs.has(name)) }
}
