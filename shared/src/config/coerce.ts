import type { SchemaNode } from './schema-node.ts'
import { isTree, type Tree } from './tree.ts'

const TRUE = new Set(['true', 'yes', 'on', '1'])
const FALSE = new Set(['false', 'no', 'off', '0'])

/**
 * Text from a variable or a flag as the type that the schema wants.
 * What does not fit stays text, for the schema to refuse.
 */
export function coerceText(text: string, node: SchemaNode): unknown {
  if (node.kind === 'list') return splitList(text).map((item) => coerceText(item, node.item))
  if (node.kind !== 'value' || node.types.includes('string') || node.choices.includes(text)) return text
  const word = text.trim().toLowerCase()
  if (node.types.includes('boolean')) {
    if (TRUE.has(word)) return true
    if (FALSE.has(word)) return false
  }
  const wantsNumber = node.types.includes('number') || node.types.includes('integer')
  return wantsNumber && word !== '' && Number.isFinite(Number(word)) ? Number(word) : text
}

/** The same for every text in a tree that stands where the schema wants something else. */
export function coerceTree(tree: Tree, node: SchemaNode): Tree {
  const coerced: Tree = {}
  for (const [key, value] of Object.entries(tree)) {
    const below = node.kind === 'section' ? node.entries.get(key) : node.kind === 'record' ? node.value : undefined
    coerced[key] = below === undefined ? value : coerceValue(value, below)
  }
  return coerced
}

function coerceValue(value: unknown, node: SchemaNode): unknown {
  if (typeof value === 'string') return coerceText(value, node)
  return isTree(value) ? coerceTree(value, node) : value
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
