import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A file that a bundle depends on, as `bin/start.mjs` compares it. */
export type Input = readonly [path: string, bytes: number, mtimeMs: number]

/** Beside the sources. npm writes the first whenever it changes an installed package. */
const TOOLS = [
  'node_modules/.package-lock.json',
  'tsconfig.base.json',
  'scripts/bundling/builtins.ts',
  'scripts/bundling/bundle-program.ts',
  'scripts/bundling/late-parts.ts',
  'scripts/supply-chain/sbom.ts',
]

/**
 * @param paths relative to `root`; installed packages among them are known by npm's list of all
 * @param readSince when the first of them was read; milliseconds since 1970
 * @throws when one has changed meanwhile: nobody knows then which version was read
 */
export function inputsOf(root: string, paths: readonly string[], readSince: number): readonly Input[] {
  const own = paths.filter((path) => !path.includes('node_modules/') && !path.includes(':'))
  return [...TOOLS, ...own].flatMap((path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false })
    if (found === undefined) return []
    if (found.mtimeMs >= readSince) throw new Error(`${path} changed while it was read; try again`)
    return [[path, found.size, found.mtimeMs]]
  })
}

/** Whether the bundle in `folder` was made of the files that are here now. */
export function isCurrent(root: string, folder: string): boolean {
  try {
    const inputs = JSON.parse(readFileSync(join(folder, 'inputs.json'), 'utf8')) as readonly Input[]
    return inputs.every(([path, bytes, mtimeMs]) => {
      const found = statSync(join(root, path), { throwIfNoEntry: false })
      return found?.size === bytes && found.mtimeMs === mtimeMs
    })
  } catch {
    return false
  }
}
