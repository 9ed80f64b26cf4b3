import type { Lab } from '@damselfly/test'
import type { InstalledProgram, ReferenceProgram } from '../reference-programs.ts'

/** Where references run, and which there are. */
export interface References {
  readonly lab: Lab
  readonly programs: ReadonlyMap<ReferenceProgram, InstalledProgram>
}

/** Runs one of the programs to its end. @throws Error when it fails or is not installed */
export async function succeed({ lab, programs }: References, name: ReferenceProgram, args: readonly string[]): Promise<void> {
  const { code, stderr } = await lab.program(name, pathOf(programs, name), args).exited
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`)
}

export function pathOf(programs: References['programs'], name: ReferenceProgram): string {
  const program = programs.get(name)
  if (program === undefined) throw new Error(`${name} is not installed`)
  return program.path
}
