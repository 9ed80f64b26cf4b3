import { isDeepStrictEqual } from 'node:util'
import { applyEdits, modify, parse, printParseErrorCode, type ParseError } from 'jsonc-parser'
import { lineAt, toolConfigError } from './tool-config-error.ts'
import type { Tool } from './tool.ts'

const PATH = '/etc/docker/daemon.json'
const KEY = 'registry-mirrors'

/** Docker asks its mirrors for images of docker.io only. */
export const docker: Tool = {
  name: 'docker',
  programs: ['dockerd'],
  folder: '/etc/docker',
  record: 'docker',
  restart: ['systemctl', 'reload', 'docker'],
  plan: (files, { mirror }) => {
    const before = files.read(PATH)
    return {
      changes: [{ path: PATH, before, after: withMirror(before, mirror) }],
      notes: ['docker uses mirrors for docker.io only; images of other registries it pulls itself'],
      needsRestart: true,
    }
  },
}

/**
 * Puts the mirror before those that are there, and keeps all else as it is written.
 *
 * @param text of daemon.json; undefined: there is none
 * @throws DamselflyError TOOL_CONFIG_INVALID
 */
export function withMirror(text: string | undefined, mirror: string): string {
  if (text === undefined || text.trim() === '') return `${JSON.stringify({ [KEY]: [mirror] }, null, 2)}\n`
  const settings = readSettings(text)
  const mirrors = mirrorsIn(settings, text)
  if (mirrors.some((one) => withoutSlash(one) === mirror)) return text
  const edits = modify(text, [KEY], [mirror, ...mirrors], { formattingOptions: formattingOf(text) })
  const after = applyEdits(text, edits)
  if (!isDeepStrictEqual(readSettings(after), { ...settings, [KEY]: [mirror, ...mirrors] })) {
    throw toolConfigError(PATH, `cannot be changed safely; add "${mirror}" to "${KEY}" by hand`)
  }
  return after
}

function readSettings(text: string): Readonly<Record<string, unknown>> {
  // The tool itself reads strict JSON; the other parser says where it is wrong.
  const errors: ParseError[] = []
  parse(text, errors, { disallowComments: true, allowTrailingComma: false })
  const [first] = errors
  if (first !== undefined) throw toolConfigError(`${PATH}:${lineAt(text, first.offset)}`, `is not JSON (${printParseErrorCode(first.error)})`)
  const settings = parseStrictly(text)
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) throw toolConfigError(`${PATH}:1`, 'is not an object of JSON')
  return settings as Record<string, unknown>
}

function parseStrictly(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw toolConfigError(PATH, `is not JSON (${error instanceof Error ? error.message : String(error)})`)
  }
}

function mirrorsIn(settings: Readonly<Record<string, unknown>>, text: string): readonly string[] {
  if (!Object.hasOwn(settings, KEY)) return []
  const mirrors = settings[KEY]
  if (Array.isArray(mirrors) && mirrors.every((one): one is string => typeof one === 'string')) return mirrors
  throw toolConfigError(`${PATH}:${lineAt(text, text.indexOf(`"${KEY}"`))}`, `"${KEY}" is not a list of texts`)
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}

/** As the file is written already. */
function formattingOf(text: string): { readonly insertSpaces: boolean; readonly tabSize: number; readonly eol: string } {
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  '
  return { insertSpaces: !indent.includes('\t'), tabSize: indent.includes('\t') ? 1 : indent.length, eol: text.includes('\r\n') ? '\r\n' : '\n' }
}
