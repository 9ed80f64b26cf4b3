import { rename, writeFile } from 'node:fs/promises'
import { diskError } from './errors/disk-error.ts'

/**
 * Writes a file for its owner alone, so that whoever reads it, also after a crash, finds the old content or the new one.
 *
 * @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.${process.pid}.new`
  try {
    await writeFile(next, text, { mode: 0o600, flush: true })
    await rename(next, path)
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
}
