import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FuzzTarget } from './target.ts'

/** Of the project. */
export const ROOT: string = resolve(import.meta.dirname, '../../..')

const CORPUS = join(ROOT, 'test/corpus')

/** A target, and where its corpus lies. */
export interface PlacedTarget {
  readonly target: FuzzTarget
  readonly corpus: string
}

/** All targets, of all packages. */
export async function allTargets(): Promise<readonly PlacedTarget[]> {
  const files = globSync('test/test/fuzz/*.targets.ts', { cwd: ROOT }).toSorted()
  const found = files.map(async (file) => {
    const path = join(ROOT, file)
    const { targets } = (await import(pathToFileURL(path).href)) as { readonly targets: readonly FuzzTarget[] }
    return targets.map((target) => ({ target, corpus: join(CORPUS, target.name) }))
  })
  return (await Promise.all(found)).flat()
}

/** What is kept of earlier runs, by name. */
export function readCorpus(folder: string): readonly (readonly [name: string, input: Uint8Array])[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).toSorted().map((name) => [name, readFileSync(join(folder, name))])
}

/** @returns the file */
export function keepInput(folder: string, input: Uint8Array, name: string = createHash('sha256').update(input).digest('hex').slice(0, 12)): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, name)
  writeFileSync(path, input)
  return path
}
