import * as fs from 'node:fs'
import { systemCode } from '@damselfly/shared'

/** Up to here a copy costs less than to find out how to do without one, and nobody has to wait for it; bytes. */
const SMALL_BYTES = 1024 * 1024

/** Why another process's file cannot be used although it exists. */
const CANNOT_READ = new Set(['EACCES', 'EPERM', 'ENOENT'])

/** Whoever could not write to the store's file must not be able to through the output. */
const OWNER_READS_AND_WRITES = 0o600

/**
 * Makes `part` from the store's file: if that is small, as a copy, else sharing its blocks where the file system can (reflink), else as a
 * hard link where both belong to this user, else as a copy. The store notices when a linked output is
 * edited in place and no longer offers what was changed.
 *
 * @returns false when `source` cannot be read
 */
export async function fillFromStore(source: string, part: string, mode: number): Promise<boolean> {
  try {
    const { size, uid } = fs.statSync(source)
    if (size <= SMALL_BYTES) {
      fs.copyFileSync(source, part, fs.constants.COPYFILE_EXCL)
      return true
    }
    // Not imported by name: to load it takes a moment, which a small content can do without.
    const { copyFile, link } = fs.promises
    if (await tried(() => copyFile(source, part, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE_FORCE))) return true
    const fits = (mode & OWNER_READS_AND_WRITES) === OWNER_READS_AND_WRITES
    if (uid === process.geteuid?.() && fits && (await tried(() => link(source, part)))) return true
    await copyFile(source, part, fs.constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (CANNOT_READ.has(systemCode(error) ?? '')) return false
    throw error
  }
}

/** Why a file cannot share its blocks or its inode: another file system, or one that has no such thing. */
const NOT_POSSIBLE = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY', 'EINVAL'])

/** @returns whether it was possible */
async function tried(attempt: () => Promise<void>): Promise<boolean> {
  try {
    await attempt()
    return true
  } catch (error) {
    if (NOT_POSSIBLE.has(systemCode(error) ?? '')) return false
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
  await fs.promises.writeFile(part, content, { flag: 'wx', mode, signal })
}
