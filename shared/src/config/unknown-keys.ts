import { suggestName } from './nearest-name.ts'
import type { Problem } from './problem.ts'
import type { SchemaNode } from './schema-node.ts'
import { formatPath, isTree, type Path } from './tree.ts'

/** Every key in `value` that the schema does not have, with the name that was probably meant. */
export function findUnknownKeys(
  value: unknown,
  node: SchemaNode,
  sourceOf: (path: Path) => string | undefined,
  path: Path = [],
): Problem[] {
  if (node.kind === 'list') {
    const items = Array.isArray(value) ? value : []
    return items.flatMap((item, index) => findUnknownKeys(item, node.item, sourceOf, [...path, index]))
  }
  if (node.kind === 'value' || !isTree(value)) return []
  return Object.entries(value).flatMap(([key, below]) => {
    const keyPath = [...path, key]
    const entry = entryOf(node, key)
    if (entry !== undefined) return findUnknownKeys(below, entry, sourceOf, keyPath)
    const known = node.kind === 'section' ? [...node.entries.keys()] : []
    return [
      { where: formatPath(keyPath), message: `unknown setting; ${suggestName(key, known)}`, source: sourceOf(keyPath) },
    ]
  })
}

function entryOf(node: SchemaNode, key: string): SchemaNode | undefined {
  // As a key of a plain object this one would replace the object's prototype.
  if (key === '__proto__') return undefined
  if (node.kind === 'section') return node.entries.get(key)
  return node.kind === 'record' ? node.value : undefined
}
