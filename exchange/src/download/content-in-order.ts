import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StoredTask } from '../store/piece-store.ts'
import { rangeOfPiece } from './stored-content.ts'

/** After so much at once others get their turn: none of it may have had to be waited for; bytes. */
const TURN_BYTES = 1024 * 1024

/** Handed out at once; fits the cache, so that whoever takes them finds them there; bytes. */
const GIVEN_SIZE = 128 * 1024

/** Where to begin to read, and who is told how far it got. */
export interface ReadFrom {
  /** Bytes. @default 0 */
  readonly start?: number | undefined
  /** Called with each piece before it is waited for. */
  readonly onPiece?: ((index: number) => void) | undefined
}

/**
 * The content's bytes in order, each piece as soon as it is verified. What is yielded is good until the next is asked for:
 * its memory is used again.
 *
 * @throws the signal's reason
 */
export async function* contentInOrder(stored: StoredTask, signal: AbortSignal, { start = 0, onPiece }: ReadFrom = {}): AsyncGenerator<Uint8Array> {
  const first = Math.floor(start / stored.record.pieceSize)
  let turn = 0
  const memory = Buffer.allocUnsafeSlow(GIVEN_SIZE)
  for (let index = first; ; index++) {
    onPiece?.(index)
    if (!(await isThere(stored, index, signal))) return
    const { length } = rangeOfPiece(stored, index)
    const begin = index === first ? start % stored.record.pieceSize : 0
    for (let offset = begin; offset < length; offset += GIVEN_SIZE) {
      if (turn >= TURN_BYTES) {
        await nextTurn()
        signal.throwIfAborted()
        turn = 0
      }
      const bytes = memory.subarray(0, length - offset)
      if (!stored.readNow(index, offset, bytes)) await stored.read(index, offset, bytes)
      signal.throwIfAborted()
      turn += bytes.length
      yield bytes
    }
  }
}

/** Waits for the piece; false when the content ends before it. @throws the signal's reason */
export async function isThere(stored: StoredTask, index: number, signal: AbortSignal): Promise<boolean> {
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
