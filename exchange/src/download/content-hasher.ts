import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Sha256 } from '@damselfly/shared'
import type { StoredTask } from '../store/piece-store.ts'
import { rangeOfPiece } from './stored-content.ts'

/** Hashed at once; fits the cache, so that hashing finds the bytes there; bytes. */
const READ_SIZE = 256 * 1024

/** After so much at once others get their turn: none of it may have had to be waited for; bytes. */
const TURN_BYTES = 1024 * 1024

/** Handed out at once: whoever is slow to take them holds several; bytes. */
const GIVEN_SIZE = 128 * 1024

/** Where to begin to read, and who is told how far it got. */
export interface ReadFrom {
  /** Bytes. @default 0 */
  readonly start?: number | undefined
  /** Called with each piece before it is waited for. */
  readonly onPiece?: ((index: number) => void) | undefined
}

/**
 * The content's bytes in order, each piece as soon as it is verified. What is yielded is the consumer's own.
 *
 * @throws the signal's reason
 */
export function contentInOrder(stored: StoredTask, signal: AbortSignal, from: ReadFrom = {}): AsyncGenerator<Uint8Array> {
  return readInOrder(stored, signal, GIVEN_SIZE, (length) => Buffer.allocUnsafeSlow(length), from)
}

/** @param size read at once; bytes @param bufferOf gives a place for the next bytes; its last one is free again when it is asked for the next */
async function* readInOrder(
  stored: StoredTask,
  signal: AbortSignal,
  size: number,
  bufferOf: (length: number) => Uint8Array,
  { start = 0, onPiece }: ReadFrom = {},
): AsyncGenerator<Uint8Array> {
  const first = Math.floor(start / stored.record.pieceSize)
  let turn = 0
  for (let index = first; ; index++) {
    onPiece?.(index)
    if (!(await isThere(stored, index, signal))) return
    const { length } = rangeOfPiece(stored, index)
    const begin = index === first ? start % stored.record.pieceSize : 0
    for (let offset = begin; offset < length; offset += size) {
      if (turn >= TURN_BYTES) {
        await nextTurn()
        signal.throwIfAborted()
        turn = 0
      }
      const buffer = bufferOf(Math.min(size, length - offset))
      if (!stored.readNow(index, offset, buffer)) await stored.read(index, offset, buffer)
      signal.throwIfAborted()
      turn += buffer.length
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
  // Memory that is used again stays in the cache.
  const buffer = Buffer.allocUnsafeSlow(READ_SIZE)
  for await (const bytes of readInOrder(stored, signal, READ_SIZE, (length) => buffer.subarray(0, length))) hash.update(bytes)
  return hash.digest()
}
