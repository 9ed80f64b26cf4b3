import type { StoredTask } from '@damselfly/exchange'

/** All of a small, complete content. @throws DamselflyError as StoredTask.read */
export async function readInlineContent(stored: StoredTask, contentLength: number): Promise<Uint8Array> {
  const release = stored.use()
  try {
    const content = new Uint8Array(contentLength)
    const pieceSize = stored.record.pieceSize
    for (let offset = 0; offset < contentLength; offset += pieceSize) {
      const piece = content.subarray(offset, Math.min(contentLength, offset + pieceSize))
      if (!stored.readNow(offset / pieceSize, 0, piece)) await stored.read(offset / pieceSize, 0, piece)
    }
    return content
  } finally {
    release()
  }
}
