import { join } from 'node:path'
import { writeSbom } from '../supply-chain/sbom.ts'
import { isCurrent } from './inputs.ts'

/** Each is the folder of its package. */
export const PROGRAMS = ['supernode', 'dfdaemon', 'dfget'] as const
export type ProgramName = (typeof PROGRAMS)[number]

/**
 * Makes the bundles that are not those of the sources, and beside each the list of what its program is made of.
 *
 * @returns the programs whose bundles were made
 * @throws when esbuild is not installed or the sources cannot be bundled; the programs run without bundles too
 */
export async function ensureBundles(root: string): Promise<readonly ProgramName[]> {
  const outdated = PROGRAMS.filter((program) => !isCurrent(root, join(root, program, 'bundle')))
  if (outdated.length === 0) return []
  const { bundleProgram, endBundling } = await import('./bundle-program.ts')
  try {
    await Promise.all(outdated.map((program) => bundleProgram(root, program)))
    for (const program of outdated) writeSbom(root, program)
  } finally {
    await endBundling()
  }
  return outdated
}

/** As `ensureBundles`; where that cannot be done, it is said, and the programs start more slowly. */
export async function tryEnsureBundles(root: string): Promise<void> {
  try {
    await ensureBundles(root)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(`The programs run without bundles: ${reason}\n`)
  }
}
