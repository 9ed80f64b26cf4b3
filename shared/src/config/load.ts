import type * as z from 'zod'
import { coerceTree } from './coerce.ts'
import { parseConfigFile, type ConfigFile, type FileSettings } from './config-file.ts'
import { readEnvironment, type EnvironmentSettings, type Program } from './environment.ts'
import { configError, type Problem } from './problem.ts'
import { describeSchema, visitLeaves, type SchemaNode } from './schema-node.ts'
import { formatPath, isTree, merge, type Path, type Tree } from './tree.ts'
import { findUnknownKeys } from './unknown-keys.ts'

export interface ConfigInput<Schema extends z.ZodType> {
  readonly schema: Schema
  /** Whose environment variables count; without it none do. */
  readonly program?: Program
  readonly file?: ConfigFile | undefined
  /** Usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Settings from the command line in the shape of the schema; texts are converted, undefined ones are absent. */
  readonly flags: Readonly<Tree>
}

/**
 * One program's configuration: flags before environment before file before defaults.
 *
 * @throws DamselflyError CONFIG_INVALID naming every problem, one per line.
 */
export function loadConfig<Schema extends z.ZodType>(input: ConfigInput<Schema>): z.output<Schema> {
  const node = describeSchema(input.schema)
  const file = input.file === undefined ? NO_FILE : parseConfigFile(input.file)
  const environment = input.program === undefined ? NO_ENVIRONMENT : readEnvironment(input.program, node, input.env)
  const flags = coerceTree(input.flags, node)
  const tree = [file.tree, environment.tree, flags].reduce(merge, {})
  const sourceOf = (path: Path): string | undefined =>
    flagOf(path, flags, node) ?? environment.sources.get(path.join('.')) ?? file.sourceOf(path)

  const problems = [...file.problems, ...environment.problems, ...findUnknownKeys(tree, node, sourceOf)]
  const parsed = input.schema.safeParse(withSections(tree, node))
  if (!parsed.success) problems.push(...describeIssues(parsed.error.issues, sourceOf))
  if (problems.length > 0 || !parsed.success) throw configError(problems)
  return parsed.data
}

const NO_ENVIRONMENT: EnvironmentSettings = { tree: {}, sources: new Map(), problems: [] }
const NO_FILE: FileSettings = { tree: {}, problems: [], sourceOf: () => undefined }

/** Puts in the sections that must be there, so that their defaults apply and what is missing in them is named. */
function withSections(tree: Tree, node: SchemaNode): Tree {
  if (node.kind !== 'section') return tree
  const filled: Tree = { ...tree }
  for (const [key, entry] of node.entries) {
    if (entry.kind !== 'section') continue
    const value = filled[key] ?? (entry.required ? {} : undefined)
    if (isTree(value)) filled[key] = withSections(value, entry)
  }
  return filled
}

function describeIssues(issues: readonly z.core.$ZodIssue[], sourceOf: (path: Path) => string | undefined): Problem[] {
  return issues
    .filter((issue) => issue.code !== 'unrecognized_keys')
    .map((issue) => {
      const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))
      return {
        where: formatPath(path) || 'configuration',
        message: messageOfIssue(issue),
        source: nearestSource(path, sourceOf),
      }
    })
}

function messageOfIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.endsWith('received undefined')) {
    return `required: ${lowerFirst(issue.message.replace(/^Invalid input: /, '').replace(/, received undefined$/, ''))}`
  }
  if (issue.code === 'invalid_union' && issue.message === 'Invalid input') {
    return issue.errors.flatMap((alternative) => alternative.slice(0, 1).map(messageOfIssue)).join(', or ')
  }
  return lowerFirst(issue.message.replace(/^Invalid (input|option): /, ''))
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text
}

/** A setting that is missing inside a section is to be looked for where that section stands. */
function nearestSource(path: Path, sourceOf: (path: Path) => string | undefined): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const source = sourceOf(path.slice(0, length))
    if (source !== undefined) return source
  }
  return undefined
}

function flagOf(path: Path, flags: Tree, node: SchemaNode): string | undefined {
  let value: unknown = flags
  for (const key of path) value = isTree(value) ? value[key] : undefined
  if (value === undefined || isTree(value)) return undefined
  let name = 'command line'
  visitLeaves(node, (leafPath, leaf) => {
    if (leafPath.join('.') === path.join('.') && leaf.flag !== undefined) name = leaf.flag
  })
  return name
}
