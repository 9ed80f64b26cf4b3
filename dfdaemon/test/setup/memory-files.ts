import type { FileChange, Files } from '../../src/setup/files.ts'

/** A file system in memory. */
export class MemoryFiles implements Files {
  readonly texts: Map<string, string>

  constructor(texts: Readonly<Record<string, string>> = {}) {
    this.texts = new Map(Object.entries(texts))
  }

  readonly read = (path: string): string | undefined => this.texts.get(path)

  readonly list = (folder: string): readonly string[] => {
    const below = [...this.texts.keys()].filter((path) => path.startsWith(`${folder}/`))
    return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''))].toSorted()
  }

  apply(changes: readonly FileChange[]): void {
    for (const { path, after } of changes) {
      if (after === undefined) this.texts.delete(path)
      else this.texts.set(path, after)
    }
  }
}
