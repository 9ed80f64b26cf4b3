import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DamselflyError, systemCode } from '@damselfly/shared'
import { fileError } from './file-errors.ts'

export interface FileInFolder {
  /** From the folder that was asked for. */
  readonly below: string
  /** Bytes. */
  readonly size: number
}

/**
 * The regular files in a folder and in those below it, in the order of their names. Symbolic links are passed over:
 * they may lead outside, or in circles.
 *
 * @throws DamselflyError ORIGIN_NOT_FOUND, ORIGIN_UNAUTHORIZED, ORIGIN_UNREACHABLE; URL_REFUSED for what is no folder; the signal's reason
 */
export async function* filesIn(folder: string, shown: string, signal: AbortSignal, below = ''): AsyncGenerator<FileInFolder> {
  signal.throwIfAborted()
  for (const entry of await entriesOf(join(folder, below), shown)) {
    const path = join(below, entry.name)
    if (entry.isDirectory()) yield* filesIn(folder, shown, signal, path)
    const size = entry.isFile() ? await sizeOf(join(folder, path)) : undefined
    if (size !== undefined) yield { below: path, size }
    signal.throwIfAborted()
  }
}

async function entriesOf(path: string, shown: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') throw new DamselflyError('URL_REFUSED', `${shown} is not a folder`)
    throw fileError(error, shown)
  }
}

/** @returns undefined for a file that has gone meanwhile; bytes */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size
  } catch {
    return undefined
  }
}
