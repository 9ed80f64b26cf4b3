import { constants } from 'node:fs'
import { lstat, open, realpath, type FileHandle } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DamselflyError, messageOf } from '@damselfly/shared'
import { fileError } from './file-errors.ts'

/** Opening must not wait, as it would for a pipe, nor follow what a symbolic link has become meanwhile. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW

export interface ResolvedFile {
  /** As the URL names it. */
  readonly path: string
  /** Free of symbolic links when it was looked at. */
  readonly real: string
}

/** The folders below which files may be read, and the way to a file in them. */
export class FileRoots {
  readonly #roots: readonly string[]

  constructor(roots: readonly string[]) {
    this.#roots = roots.map((root) => resolve(root))
  }

  /** @throws DamselflyError URL_REFUSED, ORIGIN_FORBIDDEN, ORIGIN_NOT_FOUND, ORIGIN_UNAUTHORIZED, ORIGIN_UNREACHABLE */
  async resolve(url: string): Promise<ResolvedFile> {
    const path = pathOf(url)
    // Before the disk is asked, so that nobody learns what else is on it.
    if (!this.#roots.some((root) => isWithin(path, root))) throw outside(url)
    try {
      const real = await realpath(path)
      for (const root of this.#roots) if (isWithin(real, await realRoot(root))) return { path, real }
    } catch (error) {
      throw fileError(error, url)
    }
    throw outside(url)
  }

  /** Opens a regular file for reading. @throws DamselflyError as `resolve` */
  async open(url: string): Promise<FileHandle> {
    const { real } = await this.resolve(url)
    try {
      // Looked at first, since opening a device may already do something.
      if (!(await lstat(real)).isFile()) throw special(url)
      const handle = await open(real, FLAGS)
      return await this.#checked(handle, url, real)
    } catch (error) {
      throw fileError(error, url)
    }
  }

  /** A folder on the way may have become a link between the look at the path and the opening. */
  async #checked(handle: FileHandle, url: string, real: string): Promise<FileHandle> {
    try {
      const opened = await handle.stat({ bigint: true })
      if (!opened.isFile()) throw special(url)
      const again = await this.resolve(url)
      const named = await lstat(again.real, { bigint: true })
      if (again.real !== real || named.ino !== opened.ino || named.dev !== opened.dev) {
        throw new DamselflyError('ORIGIN_CHANGED', `${url} was replaced while it was opened`)
      }
      return handle
    } catch (error) {
      await handle.close()
      throw error
    }
  }
}

/** @throws DamselflyError URL_REFUSED */
function pathOf(url: string): string {
  const parsed = URL.parse(url)
  if (parsed?.protocol !== 'file:') throw new DamselflyError('URL_REFUSED', `'${url}' is not a file: URL`)
  if (parsed.search !== '') throw new DamselflyError('URL_REFUSED', `'${url}': a file has no query; write ? as %3F`)
  try {
    const path = fileURLToPath(parsed)
    if (path.includes('\0')) throw new RangeError('a path has no zero byte')
    return resolve(path)
  } catch (error) {
    throw new DamselflyError('URL_REFUSED', `'${url}': ${messageOf(error)}`, { cause: error })
  }
}

/** A folder that is not there now contains nothing. */
async function realRoot(root: string): Promise<string> {
  return await realpath(root).catch(() => root)
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(join(root, sep))
}

function outside(url: string): DamselflyError {
  return new DamselflyError('ORIGIN_FORBIDDEN', `${url} is not below a folder that may be read`)
}

function special(url: string): DamselflyError {
  return new DamselflyError('ORIGIN_FORBIDDEN', `${url} is not a regular file`)
}
