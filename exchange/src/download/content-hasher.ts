import { createHash } from 'node:crypto'
import type { Sha256 } from '@damselfly/shared'
import type { StoredTask } from '../store/piece-store.ts'

/** Read at once; fits the cache, so that hashing finds the bytes there; bytes. */
const READ_SIZE = 256 * 1024

/**
 * The content's bytes in order, each piece as soon as it is verified. `bytes` is only
 * valid until the next one is asked for.
 *
 * @throws the signal's reason
 */
export async function* contentInOrder(stored: StoredTask, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let index = 0; ; index++) {
    if (!(await isThere(stored, index, signal))) return
    const length = stored.layout?.piece(index).length ?? stored.record.pieceSize
    for (let offset = 0; offset < length; offset += READ_SIZE) {
      // A buffer of its own each time: the consumer may still be sending the one before.
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_SIZE, length - offset))
      await stored.read(index, offset, buffer)
      signal.throwIfAborted()
      yield buffer
    }
  }
}

/** Waits for the piece; false when the content ends before it. */
async function isThere(stored: StoredTask, index: number, signal: AbortSignal): Promise<boolean> {
  const isPastEnd = (): boolean => stored.layout !== undefined && index >= stored.layout.pieceCount
  if (isPastEnd()) return false
  try {
    await stored.whenAvailable(index, signal)
    return true
  } catch (error) {
    // The length of a content may become known only while its next piece is waited for.
    if (isPastEnd()) return false
    throw error
  }
}

/** SHA-256 of the whole content, following the download. @throws the signal's reason */
export async function hashContent(stored: StoredTask, signal: AbortSignal): Promise<Sha256> {
  const hash = createHash('sha256')
  for await (const bytes of contentInOrder(stored, signal)) hash.update(bytes)
  return hash.digest()
}
