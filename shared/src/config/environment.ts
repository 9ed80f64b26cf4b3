import { coerceText } from './coerce.ts'
import { suggestName } from './nearest-name.ts'
import type { Problem } from './problem.ts'
import { visitLeaves, type SchemaNode } from './schema-node.ts'
import { setAt, type Tree } from './tree.ts'

const PREFIX = 'DAMSELFLY_'

/** No setting, but what dfget shows a supernode; other programs may have it around them. */
const TOKEN_VARIABLE = 'DAMSELFLY_TOKEN'

/** Programs that may share one environment; each reads only its own variables. */
export const PROGRAMS = ['supernode', 'dfdaemon', 'dfget'] as const
export type Program = (typeof PROGRAMS)[number]

/** `DAMSELFLY_SUPERNODE_LISTEN_PORT` for `listen.port`, `…_DATA_DIR` for `dataDir`. */
export function environmentName(program: Program, path: readonly string[]): string {
  const words = path.map((key) => key.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase())
  return [programPrefix(program), ...words].join('_')
}

/** Names the configuration file itself, and so is no setting in it. */
export function configFileVariable(program: Program): string {
  return environmentName(program, ['config'])
}

/** Whether a variable can hold this setting: single values, and lists of single values by comma. */
export function fitsEnvironment(node: SchemaNode): boolean {
  return node.kind === 'value' || (node.kind === 'list' && node.item.kind === 'value')
}

export interface EnvironmentSettings {
  readonly tree: Tree
  /** Where each setting came from, by its dotted path. */
  readonly sources: ReadonlyMap<string, string>
  readonly problems: readonly Problem[]
}

/**
 * The settings that environment variables make. An empty variable counts as absent.
 *
 * @throws Error when two settings of the schema would have the same variable.
 */
export function readEnvironment(
  program: Program,
  schema: SchemaNode,
  env: Readonly<Record<string, string | undefined>>,
): EnvironmentSettings {
  const known = new Set<string>([configFileVariable(program)])
  const tree: Tree = {}
  const sources = new Map<string, string>()
  visitLeaves(schema, (path, node) => {
    if (!fitsEnvironment(node)) return
    const name = environmentName(program, path)
    if (known.has(name)) throw new Error(`two settings of ${program} have the environment name ${name}`)
    known.add(name)
    const text = env[name]
    if (text === undefined || text === '') return
    setAt(tree, path, coerceText(text, node))
    sources.set(path.join('.'), name)
  })
  return { tree, sources, problems: unknownVariables(program, known, env) }
}

function unknownVariables(
  program: Program,
  known: ReadonlySet<string>,
  env: Readonly<Record<string, string | undefined>>,
): Problem[] {
  const others = PROGRAMS.filter((other) => other !== program).map((other) => `${programPrefix(other)}_`)
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && name !== TOKEN_VARIABLE && !known.has(name))
    .filter((name) => !others.some((prefix) => name.startsWith(prefix)))
    .toSorted()
    .map((name) => ({
      where: name,
      message: `unknown environment variable; ${suggestName(name, [...known])}`,
      source: undefined,
    }))
}

function programPrefix(program: Program): string {
  return `${PREFIX}${program.toUpperCase()}`
}
