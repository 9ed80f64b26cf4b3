import { createWriteStream } from 'node:fs'
import { constants, copyFile, link } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemCode } from '@damselfly/shared'

/** Why a file cannot be linked although it can be read: another file system, or one without links. */
const CANNOT_LINK = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/** Why another process's file cannot be copied although it exists. */
const CANNOT_READ = new Set(['EACCES', 'EPERM', 'ENOENT'])

/**
 * Gives `part` the very file that holds the content; for a store that nobody uses afterwards.
 * Else a copy, which shares the blocks where the file system can (reflink).
 */
export async function fillByLink(source: string, part: string): Promise<void> {
  try {
    await link(source, part)
  } catch (error) {
    if (!CANNOT_LINK.has(systemCode(error) ?? '')) throw error
    await clone(source, part)
  }
}

/**
 * Copies the content, sharing the blocks where the file system can (reflink). Never a hard link:
 * whoever edits the output in place would change what the store goes on serving.
 *
 * @returns whether `source` could be read
 */
export async function fillByCopy(source: string, part: string): Promise<boolean> {
  try {
    await clone(source, part)
    return true
  } catch (error) {
    if (CANNOT_READ.has(systemCode(error) ?? '')) return false
    throw error
  }
}

/** Writes the content as it comes. */
export async function fillByStream(
  content: AsyncIterable<Uint8Array>,
  part: string,
  mode: number,
  signal: AbortSignal,
): Promise<void> {
  await pipeline(Readable.from(content, { objectMode: false }), createWriteStream(part, { flags: 'wx', mode }), { signal })
}

function clone(source: string, part: string): Promise<void> {
  return copyFile(source, part, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
}
