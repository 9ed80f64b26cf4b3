import { formatDuration } from './duration.ts'
import type { SchemaNode } from './schema-node.ts'
import { Secret } from './secret.ts'
import { formatByteRate, formatByteSize } from './size.ts'
import { isTree, type Tree } from './tree.ts'

/** A configuration value the way a person would write it: with units, and without secrets. */
export function toWritten(value: unknown, node: SchemaNode | undefined): unknown {
  if (value instanceof Secret) return value.toString()
  if (Array.isArray(value)) {
    const item = node?.kind === 'list' ? node.item : undefined
    return value.map((element) => toWritten(element, item))
  }
  if (isTree(value)) return writtenTree(value, node)
  if (node?.kind !== 'value') return value
  // A default may stand in the schema as text; it is no less a secret.
  if (node.unit === 'secret') return value === undefined ? undefined : '[redacted]'
  return typeof value === 'number' ? withUnit(value, node) : value
}

function writtenTree(tree: Tree, node: SchemaNode | undefined): Tree {
  const written: Tree = {}
  for (const [key, value] of Object.entries(tree)) {
    const below = node?.kind === 'section' ? node.entries.get(key) : node?.kind === 'record' ? node.value : undefined
    if (value !== undefined) written[key] = toWritten(value, below)
  }
  return written
}

function withUnit(value: number, node: SchemaNode & { readonly kind: 'value' }): unknown {
  if (!Number.isSafeInteger(value)) return value
  if (node.unit === 'bytes') return formatByteSize(value)
  if (node.unit === 'rate') return formatByteRate(value)
  return node.unit === 'duration' ? formatDuration(value) : value
}
