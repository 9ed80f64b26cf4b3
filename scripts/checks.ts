import { readdirSync, existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runInGroup } from './processes.ts'

const TIME_LIMIT = 180_000

export const ROOT: string = join(import.meta.dirname, '..')

/** Something about the sources themselves that must hold. */
export interface Check {
  readonly name: string
  /** Programs to run one after the other, from node_modules/.bin unless they have a path; each must exit with 0. */
  readonly commands: readonly (readonly string[])[]
}

export const CHECKS: readonly Check[] = [
  { name: 'types', commands: [['tsc', '-b'], ...testProjects().map((project) => ['tsc', '-p', project])] },
  { name: 'lint', commands: [['oxlint', '--type-aware', '--deny-warnings']] },
  { name: 'supply chain', commands: [[process.execPath, '--conditions=development', join(ROOT, 'scripts/supply-chain.ts'), '--offline']] },
]

/** @returns whether the check holds; what does not is printed by its programs. */
export async function holds(check: Check): Promise<boolean> {
  process.stdout.write(`Checking ${check.name} ...\n`)
  let fine = true
  for (const [command, ...args] of check.commands) {
    const outcome = await runInGroup(resolve(ROOT, 'node_modules/.bin', command as string), args, {
      timeLimit: TIME_LIMIT,
    })
    fine = outcome.type === 'exited' && outcome.code === 0 && fine
  }
  return fine
}

/** Tests have projects of their own, since they are checked and not built. */
function testProjects(): string[] {
  const packages = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => join(entry.name, 'tsconfig.test.json'))
  return [...packages, join('scripts', 'tsconfig.json')].filter((path) => existsSync(join(ROOT, path)))
}
