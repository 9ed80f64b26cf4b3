import type * as z from 'zod'
import { environmentName, fitsEnvironment, type Program } from './environment.ts'
import { toWritten } from './format-value.ts'
import { describeSchema, type SchemaNode, type Unit } from './schema-node.ts'

const UNIT_NAMES: Readonly<Record<Unit, string>> = {
  bytes: 'size (`10MiB`, `1 GB`)',
  rate: 'rate (`10MiB/s`, `100Mbit/s`)',
  duration: 'duration (`250ms`, `30s`, `5m`)',
  secret: 'text, never shown',
}

interface Row {
  readonly path: string
  readonly variable: string
  readonly flag: string
  readonly type: string
  readonly default: string
  readonly description: string
}

/** A Markdown table of every setting of a program. */
export function configReference(schema: z.ZodType, program: Program): string {
  const rows = rowsOf(describeSchema(schema), [], program, true)
  const withFlags = rows.some((row) => row.flag !== '')
  const columns = ['Setting', 'Environment', ...(withFlags ? ['Flag'] : []), 'Type', 'Default', 'Meaning']
  const lines = rows.map((row) => [
    code(row.path),
    code(row.variable),
    ...(withFlags ? [code(row.flag)] : []),
    row.type,
    row.default,
    row.description,
  ])
  return (
    [columns, columns.map(() => '---'), ...lines].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n') + '\n'
  )
}

/** @param addressable whether the environment can name it; what is inside a list or record has no fixed path. */
function rowsOf(node: SchemaNode, path: readonly string[], program: Program, addressable: boolean): Row[] {
  if (node.kind === 'section') {
    return [...node.entries].flatMap(([key, entry]) => rowsOf(entry, [...path, key], program, addressable))
  }
  const row: Row = {
    path: path.join('.'),
    variable: addressable && fitsEnvironment(node) ? environmentName(program, path) : '',
    flag: node.flag ?? '',
    type: typeName(node),
    default: defaultText(node),
    description: node.description,
  }
  return [row, ...rowsBelow(node, path, program)]
}

function rowsBelow(node: SchemaNode, path: readonly string[], program: Program): Row[] {
  const last = path.at(-1) ?? ''
  const parents = path.slice(0, -1)
  if (node.kind === 'record')
    return node.value.kind === 'value' ? [] : rowsOf(node.value, [...path, '<name>'], program, false)
  if (node.kind !== 'list' || node.item.kind === 'value') return []
  return rowsOf(node.item, [...parents, `${last}[]`], program, false)
}

function typeName(node: SchemaNode): string {
  switch (node.kind) {
    case 'section':
      return 'section'
    case 'record':
      return node.value.kind === 'value' ? `${typeName(node.value)} by name` : 'section by name'
    case 'list':
      return node.item.kind === 'value' ? `list of ${typeName(node.item)}` : 'list'
    case 'value':
      if (node.unit !== undefined) return UNIT_NAMES[node.unit]
      if (node.choices.length > 0) return node.choices.map(code).join(', ')
      return node.types.map((type) => (type === 'string' ? 'text' : type)).join(' or ')
  }
}

function defaultText(node: SchemaNode): string {
  if (node.defaultText !== undefined) return node.defaultText
  if (node.default === undefined) return node.required ? 'required' : '-'
  const written = toWritten(node.default, node)
  if (Array.isArray(written))
    return written.length === 0 ? 'none' : written.map((item) => code(asText(item))).join(', ')
  if (typeof written === 'object' && written !== null && Object.keys(written).length === 0) return 'none'
  return written === '' ? 'empty' : code(asText(written))
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

/** What stands in a table cell may not end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')
}
