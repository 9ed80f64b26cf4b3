import type { FileHandle } from 'node:fs/promises'
import type { OriginValidators } from '../source-client.ts'

/** What tells one content of a file from the next. */
export interface FileVersion extends OriginValidators {
  /** Bytes. */
  readonly size: number
}

export async function fileVersion(handle: FileHandle): Promise<FileVersion> {
  const { mtime, mtimeNs, size, ino } = await handle.stat({ bigint: true })
  // A file that takes another's place has another inode, even where its time was set back to the other's.
  return { size: Number(size), etag: `"${mtimeNs}-${size}-${ino}"`, lastModified: mtime.toUTCString() }
}
