import { isNode, isPair, isMap, LineCounter, parseDocument, type Document } from 'yaml'
import { messageOf } from '../errors/damselfly-error.ts'
import { readIfThere } from '../read-if-there.ts'
import { configError, type Problem } from './problem.ts'
import { isTree, type Path, type Tree } from './tree.ts'

/** A configuration file as it was read. */
export interface ConfigFile {
  /** How the file is named in messages. */
  readonly path: string
  readonly text: string
}

/** @throws DamselflyError CONFIG_INVALID when it cannot be read. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const file = await readConfigFileIfPresent(path)
  if (file === undefined) throw configError([{ where: path, message: 'there is no such file', source: undefined }])
  return file
}

/**
 * @returns undefined when there is no such file.
 * @throws DamselflyError CONFIG_INVALID when it cannot be read.
 */
export async function readConfigFileIfPresent(path: string): Promise<ConfigFile | undefined> {
  try {
    const text = await readIfThere(path)
    return text === undefined ? undefined : { path, text }
  } catch (error) {
    throw configError([{ where: path, message: `cannot be read: ${messageOf(error)}`, source: undefined }])
  }
}

export interface FileSettings {
  readonly tree: Tree
  readonly problems: readonly Problem[]
  /** `file.yaml:12` for a setting that stands in the file. */
  readonly sourceOf: (path: Path) => string | undefined
}

export function parseConfigFile(file: ConfigFile): FileSettings {
  const lines = new LineCounter()
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false })
  const sourceOf = (path: Path): string | undefined => {
    const offset = offsetOf(document, path)
    return offset === undefined ? undefined : `${file.path}:${lines.linePos(offset).line}`
  }
  const problems = document.errors.map((error) => ({
    where: `${file.path}:${lines.linePos(error.pos[0]).line}`,
    message: error.message,
    source: undefined,
  }))
  if (problems.length > 0) return { tree: {}, problems, sourceOf }
  return { ...toTree(document, file.path), sourceOf }
}

function toTree(document: Document, path: string): Pick<FileSettings, 'tree' | 'problems'> {
  try {
    const value: unknown = document.toJS() ?? {}
    if (isTree(value)) return { tree: value, problems: [] }
    return { tree: {}, problems: [{ where: path, message: 'expected settings, one per line', source: undefined }] }
  } catch (error) {
    // Aliases are resolved only now; too many of them are refused.
    return { tree: {}, problems: [{ where: path, message: messageOf(error), source: undefined }] }
  }
}

/** Where the key (or list item) at `path` begins in the text. */
function offsetOf(document: Document, path: Path): number | undefined {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const key = path.at(-1)
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isNode(item.key) && String(item.key) === String(key))
    if (pair !== undefined && isNode(pair.key)) return pair.key.range?.[0]
  }
  const node: unknown = document.getIn(path, true)
  return isNode(node) ? node.range?.[0] : undefined
}
