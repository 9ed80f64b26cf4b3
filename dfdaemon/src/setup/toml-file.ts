import { isDeepStrictEqual } from 'node:util'
import { getStaticTOMLValue, ParseError, parseTOML, type AST } from 'toml-eslint-parser'
import { toolConfigError } from './tool-config-error.ts'

export type TomlPath = readonly string[]

/** A file in TOML, changed in as few places as can be, so that comments and order stay. */
export class TomlFile {
  readonly path: string
  readonly text: string
  readonly #program: AST.TOMLProgram

  /** @param path how it is named in errors @throws DamselflyError TOOL_CONFIG_INVALID, with the line */
  constructor(path: string, text: string) {
    this.path = path
    this.text = text
    try {
      this.#program = parseTOML(text, { tomlVersion: '1.0' })
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      throw toolConfigError(`${path}:${error.lineNumber}`, `is not TOML (${error.message})`)
    }
  }

  /** What stands at a path; undefined: nothing. */
  value(at: TomlPath): unknown {
    let found: unknown = getStaticTOMLValue(this.#program)
    for (const key of at) found = isTable(found) && Object.hasOwn(found, key) ? found[key] : undefined
    return found
  }

  get isEmpty(): boolean {
    return this.#top.body.length === 0
  }

  /** Of the first table or key that begins with this path; the first line where there is none. */
  lineOf(at: TomlPath): number {
    const found = this.#top.body.find((node) => node.type === 'TOMLTable' && isDeepStrictEqual(node.resolvedKey.slice(0, at.length), at))
    return found?.loc.start.line ?? 1
  }

  /** The file with a text in a table, which is made if it is not there. @throws DamselflyError TOOL_CONFIG_INVALID */
  withText(table: TomlPath, key: string, value: string): TomlFile {
    const header = this.#top.body.find((node) => node.type === 'TOMLTable' && node.kind === 'standard' && isDeepStrictEqual(node.resolvedKey, table))
    const assignment = `${key} = ${JSON.stringify(value)}`
    if (header?.type !== 'TOMLTable') return this.#checked(this.#appended(`[${table.map(keyText).join('.')}]`, `  ${assignment}`), [...table, key], value)
    const given = header.body.find((pair) => isDeepStrictEqual(getStaticTOMLValue(pair.key), [key]))
    const edited =
      given === undefined
        ? this.#replaced(this.#lineEnd(header.range[0]), this.#lineEnd(header.range[0]), `${this.#newline}${' '.repeat(header.loc.start.column + 2)}${assignment}`)
        : this.#replaced(given.value.range[0], given.value.range[1], JSON.stringify(value))
    return this.#checked(edited, [...table, key], value)
  }

  /** The file with a table before all others, since the first one counts most. */
  withFirstTable(table: TomlPath, lines: readonly string[], value: unknown): TomlFile {
    const header = `[${table.map(keyText).join('.')}]`
    const first = this.#top.body.find(({ type }) => type === 'TOMLTable')
    if (first === undefined) return this.#checked(this.#appended(header, ...lines), table, value)
    const start = first.range[0] - first.loc.start.column
    return this.#checked(this.#replaced(start, start, `${[header, ...lines, ''].join(this.#newline)}${this.#newline}`), table, value)
  }

  get #top(): AST.TOMLTopLevelTable {
    return this.#program.body[0]
  }

  get #newline(): string {
    return this.text.includes('\r\n') ? '\r\n' : '\n'
  }

  #lineEnd(offset: number): number {
    const end = this.text.indexOf(this.#newline, offset)
    return end < 0 ? this.text.length : end
  }

  #replaced(from: number, to: number, text: string): string {
    return this.text.slice(0, from) + text + this.text.slice(to)
  }

  #appended(...lines: readonly string[]): string {
    const newline = this.#newline
    const gap = this.text === '' ? '' : this.text.endsWith('\n') ? newline : newline + newline
    return this.text + gap + lines.join(newline) + newline
  }

  /** A file may say the same in other ways than by tables; then it is left alone. */
  #checked(text: string, at: TomlPath, value: unknown): TomlFile {
    const expected = withValue(getStaticTOMLValue(this.#program), at, value)
    const after = changedFile(this.path, text)
    if (after !== undefined && isDeepStrictEqual(after.value([]), expected)) return after
    throw toolConfigError(this.path, `cannot be changed safely; set ${at.map(keyText).join('.')} to ${JSON.stringify(value)} by hand`)
  }
}

function changedFile(path: string, text: string): TomlFile | undefined {
  try {
    return new TomlFile(path, text)
  } catch {
    return undefined
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withValue(tree: unknown, [key, ...rest]: TomlPath, value: unknown): unknown {
  if (key === undefined) return value
  const table = isTable(tree) ? tree : {}
  return { ...table, [key]: withValue(table[key], rest, value) }
}

function keyText(key: string): string {
  return /^[\w-]+$/.test(key) ? key : JSON.stringify(key)
}
