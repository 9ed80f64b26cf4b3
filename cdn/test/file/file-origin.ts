import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { generatedContent, type OriginContent, type OriginStats } from '../../src/testing/index.ts'

/** A folder that serves contents as the fault origin does, as far as files can. */
export class FileOrigin {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'damselfly-files-'))

  add(path: string, content: OriginContent): string {
    const file = join(this.folder, path)
    if (content.status === undefined) writeFileSync(file, generatedContent(content.size ?? 0, content.seed))
    return pathToFileURL(file).href
  }

  /** What is open of it, for files know nothing else of their readers. */
  stats(path: string): OriginStats {
    const file = join(this.folder, path)
    return { gets: 0, heads: 0, bodyBytes: 0, probeBytes: 0, notModified: 0, ranges: [], headers: [], open: openFiles().filter((open) => open === file).length }
  }

  async when(path: string, wanted: (stats: OriginStats) => boolean): Promise<OriginStats> {
    while (!wanted(this.stats(path))) await new Promise(setImmediate)
    return this.stats(path)
  }

  resume(): void {}

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })
}
