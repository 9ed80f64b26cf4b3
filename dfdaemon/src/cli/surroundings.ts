import type { Environment } from '../config/directories.ts'

/** Where a command runs that changes or examines this machine. */
export interface Surroundings {
  readonly env: Environment
  readonly isRoot: boolean
  readonly print: (text: string) => void
}
