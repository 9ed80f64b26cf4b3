import { unlink } from 'node:fs/promises'
import { systemCode } from '@damselfly/shared'

/** Removes a file if it is there; `rm` would look at it first, which takes twice as long. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}
