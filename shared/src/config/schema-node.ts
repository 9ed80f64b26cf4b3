import * as z from 'zod'

/** How the text of a value is meant; decides how it is read, printed and documented. */
export type Unit = 'bytes' | 'rate' | 'duration' | 'secret'

interface NodeFacts {
  readonly description: string
  /** The command line flag that sets it, if the schema's metadata names one. */
  readonly flag: string | undefined
  readonly required: boolean
  readonly default: unknown
  /** What the schema's metadata says instead, for a default that depends on the machine. */
  readonly defaultText: string | undefined
}

/** What a configuration schema says about one place in the tree; the part of JSON Schema that configurations need. */
export type SchemaNode =
  | (NodeFacts & { readonly kind: 'section'; readonly entries: ReadonlyMap<string, SchemaNode> })
  | (NodeFacts & { readonly kind: 'record'; readonly value: SchemaNode })
  | (NodeFacts & { readonly kind: 'list'; readonly item: SchemaNode })
  | (NodeFacts & {
      readonly kind: 'value'
      /** Names of JSON types; empty: anything. */
      readonly types: readonly string[]
      readonly choices: readonly string[]
      readonly unit: Unit | undefined
    })

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly description?: string
  readonly unit?: Unit
  readonly flag?: string
  readonly defaultText?: string
}

/** Describes what `schema` accepts as input. Only plain sections, records, lists and values are told apart. */
export function describeSchema(schema: z.ZodType): SchemaNode {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // Left out by zod where input and output differ; for a page about defaults the output is what counts.
      if (zodSchema._zod.def.type === 'default') jsonSchema.default = zodSchema._zod.def.defaultValue
    },
  })
  return toNode(json as JsonSchema, true)
}

function toNode(json: JsonSchema, required: boolean): SchemaNode {
  const facts: NodeFacts = {
    description: json.description ?? '',
    flag: json.flag,
    required,
    default: json.default,
    defaultText: json.defaultText,
  }
  if (json.properties !== undefined) {
    const entries = Object.entries(json.properties).map(
      ([key, entry]) => [key, toNode(entry, json.required?.includes(key) ?? false)] as const,
    )
    return { ...facts, kind: 'section', entries: new Map(entries) }
  }
  if (typeof json.additionalProperties === 'object') {
    return { ...facts, kind: 'record', value: toNode(json.additionalProperties, true) }
  }
  if (json.items !== undefined) return { ...facts, kind: 'list', item: toNode(json.items, true) }
  return { ...facts, kind: 'value', types: typesOf(json), choices: choicesOf(json), unit: json.unit }
}

function typesOf(json: JsonSchema): readonly string[] {
  const alternatives = json.anyOf?.flatMap(typesOf) ?? []
  return [...new Set([json.type ?? [], alternatives].flat())]
}

function choicesOf(json: JsonSchema): readonly string[] {
  if (json.const !== undefined) return [choiceText(json.const)]
  if (json.enum !== undefined) return json.enum.map(choiceText)
  const alternatives = json.anyOf?.map(choicesOf) ?? []
  return alternatives.every((choices) => choices.length > 0) ? alternatives.flat() : []
}

function choiceText(choice: unknown): string {
  return typeof choice === 'string' ? choice : JSON.stringify(choice)
}

/** Calls `visit` for each value or list below `node`, in the schema's order. Records and lists are not entered. */
export function visitLeaves(node: SchemaNode, visit: (path: readonly string[], leaf: SchemaNode) => void): void {
  const walk = (path: readonly string[], current: SchemaNode): void => {
    if (current.kind !== 'section') return visit(path, current)
    for (const [key, entry] of current.entries) walk([...path, key], entry)
  }
  walk([], node)
}
