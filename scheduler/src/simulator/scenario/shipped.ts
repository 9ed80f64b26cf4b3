import { existsSync } from 'node:fs'
import { join } from 'node:path'

const DIRECTORY = join(import.meta.dirname, '..', '..', '..', 'scenarios')

/** The file of a scenario that comes with the simulator, or what was given if there is none of that name. */
export function scenarioPath(nameOrPath: string): string {
  const shipped = join(DIRECTORY, `${nameOrPath}.yaml`)
  return existsSync(shipped) ? shipped : nameOrPath
}
