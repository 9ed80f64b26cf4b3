import { statfs } from 'node:fs/promises'
import { diskError } from '@damselfly/shared'
import type { Space } from './space.ts'

/** Of the file system that `directory` lies on; project quotas count as its size where the file system shows them so. @throws DamselflyError DISK_DENIED, DISK_FAILED */
export async function diskSpace(directory: string): Promise<Omit<Space, 'used'>> {
  try {
    const { bsize, blocks, bavail } = await statfs(directory)
    return { free: bavail * bsize, total: blocks * bsize }
  } catch (error) {
    throw diskError(error, `examine the file system of ${directory}`)
  }
}
