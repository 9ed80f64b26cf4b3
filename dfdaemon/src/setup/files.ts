/** The part of a file system that plans are made from, by paths below its root such as `/etc/docker/daemon.json`. */
export interface Files {
  /** @returns undefined when there is no such file @throws DamselflyError TOOL_CONFIG_INVALID where it is no text */
  readonly read: (path: string) => string | undefined
  /** Names in a folder, in order; none where there is no such folder. */
  readonly list: (folder: string) => readonly string[]
}

/** What one file is to be. */
export interface FileChange {
  readonly path: string
  /** Undefined: there is no such file. */
  readonly before: string | undefined
  readonly after: string | undefined
}

/** As `files`, but for those that have another text; undefined: not there. */
export function overlaid(files: Files, texts: ReadonlyMap<string, string | undefined>): Files {
  return {
    read: (path) => (texts.has(path) ? texts.get(path) : files.read(path)),
    list: files.list,
  }
}
