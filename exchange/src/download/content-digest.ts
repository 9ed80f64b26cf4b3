import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Sha256 } from '@damselfly/shared'
import type { StoredTask } from '../store/piece-store.ts'
import { isThere } from './content-in-order.ts'
import { rangeOfPiece } from './stored-content.ts'

/** Hashed at once; fits the cache, so that hashing finds the bytes there; bytes. */
const READ_SIZE = 256 * 1024

/** After so much at once others get their turn: none of it may have had to be waited for; bytes. */
const TURN_BYTES = 1024 * 1024

/**
 * The SHA-256 of a whole content while it arrives. Whoever reads it in order meanwhile hands over what it read anyway; the rest
 * is read here, without a reader at once and otherwise when the content is whole.
 */
export class ContentDigest {
  readonly #stored: StoredTask
  readonly #hasReader: () => boolean
  readonly #hash = createHash('sha256')
  /** What is hashed; bytes. */
  #position = 0

  constructor(stored: StoredTask, hasReader: () => boolean) {
    this.#stored = stored
    this.#hasReader = hasReader
  }

  /** Verified bytes of the content that are in memory. @param from where they begin; bytes */
  take(from: number, bytes: Uint8Array): void {
    const known = this.#position - from
    if (known < 0 || known >= bytes.length) return
    this.#hash.update(known === 0 ? bytes : bytes.subarray(known))
    this.#position = from + bytes.length
  }

  /** Resolves when every piece is here and hashed. @throws the signal's reason; DamselflyError as reading does */
  async whole(signal: AbortSignal): Promise<Sha256> {
    let length = 0
    for (let index = 0; await isThere(this.#stored, index, signal); index++) {
      const range = rangeOfPiece(this.#stored, index)
      length = range.offset + range.length
      if (!this.#hasReader()) await this.#readUntil(length, signal)
    }
    await this.#readUntil(length, signal)
    return this.#hash.digest()
  }

  async #readUntil(end: number, signal: AbortSignal): Promise<void> {
    if (this.#position >= end) return
    // Memory that is used again stays in the cache.
    const buffer = Buffer.allocUnsafeSlow(READ_SIZE)
    for (let turn = 0; this.#position < end; turn += READ_SIZE) {
      if (turn >= TURN_BYTES) {
        await nextTurn()
        turn = 0
      }
      signal.throwIfAborted()
      const from = this.#position
      this.take(from, await this.#read(from, buffer))
    }
  }

  /** What follows `from` in its piece, as much as fits. */
  async #read(from: number, buffer: Uint8Array): Promise<Uint8Array> {
    const index = Math.floor(from / this.#stored.record.pieceSize)
    const { offset, length } = rangeOfPiece(this.#stored, index)
    const bytes = buffer.subarray(0, Math.min(buffer.length, offset + length - from))
    if (!this.#stored.readNow(index, from - offset, bytes)) await this.#stored.read(index, from - offset, bytes)
    return bytes
  }
}
