import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DamselflyError, type ByteRange } from '@damselfly/shared'
import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import { sameValidators } from '../validators.ts'
import { fileBody } from './file-body.ts'
import { fileError } from './file-errors.ts'
import { FileRoots } from './file-roots.ts'
import { fileVersion, type FileVersion } from './file-version.ts'
import { filesIn } from './files-in.ts'

export interface FileSourceInit {
  /** Absolute paths of the folders below which files may be read. */
  readonly roots: readonly string[]
}

/** A source client for `file:` URLs of regular files below some folders of this machine. */
export function createFileSource(init: FileSourceInit): SourceClient {
  return new FileSource(new FileRoots(init.roots))
}

class FileSource implements SourceClient {
  readonly schemes: readonly string[] = ['file:']
  readonly #roots: FileRoots

  constructor(roots: FileRoots) {
    this.#roots = roots
  }

  async probe(request: OriginRequest): Promise<OriginInfo> {
    return infoOf(await this.#look(request))
  }

  async read(request: OriginRequest): Promise<OriginResponse> {
    const { range, ifMatch, url, signal } = request
    const version = await this.#look(request)
    if (ifMatch !== undefined && sameValidators(ifMatch, version) === false) {
      throw new DamselflyError('ORIGIN_CHANGED', `${url} has another content than before`)
    }
    const { start, length } = placeIn(version.size, range, url)
    const body = fileBody({ open: () => this.#roots.open(url), version, start, length, shown: url, signal })
    return { ...infoOf(version), start, bodyLength: length, body }
  }

  async *list({ url, signal }: ListRequest): AsyncIterable<ListedContent> {
    const { path, real } = await this.#roots.resolve(url)
    for await (const { below, size } of filesIn(real, url, signal)) yield { url: pathToFileURL(join(path, below)).href, size, digest: undefined }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #look({ url, signal }: OriginRequest): Promise<FileVersion> {
    signal.throwIfAborted()
    const handle = await this.#roots.open(url)
    try {
      return await fileVersion(handle)
    } catch (error) {
      throw fileError(error, url)
    } finally {
      await handle.close()
    }
  }
}

function infoOf({ size, etag, lastModified }: FileVersion): OriginInfo {
  return { contentLength: size, acceptsRanges: true, validators: { etag, lastModified } }
}

/** @throws DamselflyError RANGE_UNSATISFIABLE */
function placeIn(size: number, range: ByteRange | undefined, url: string): { readonly start: number; readonly length: number } {
  if (range === undefined) return { start: 0, length: size }
  if (range.start >= size) throw new DamselflyError('RANGE_UNSATISFIABLE', `${url} has ${size} bytes, the range starts at ${range.start}`)
  return { start: range.start, length: Math.min(range.end ?? size - 1, size - 1) - range.start + 1 }
}
