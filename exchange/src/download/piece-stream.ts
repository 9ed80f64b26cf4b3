import { createHash, type Hash } from 'node:crypto'
import { DamselflyError, digestsEqual, isDamselflyError, type Sha256 } from '@damselfly/shared'
import type { PieceWriter, StoredTask } from '../store/piece-store.ts'
import { rangeOfPiece } from './stored-content.ts'
import type { TransferAccount } from './transfer-account.ts'

export interface PieceStreamOptions {
  readonly stored: StoredTask
  readonly account: TransferAccount
  /** What the supernode said, where it did: the origin must agree. */
  readonly digests: ReadonlyMap<number, Sha256>
  readonly onStored: (index: number, digest: Sha256) => void
}

/**
 * Cuts the origin's bytes into pieces and stores those that are missing. Pieces that are here already are
 * compared instead, so that an origin that shows no validators cannot mix two versions; those that somebody
 * else is writing are passed over.
 */
export class PieceStream {
  readonly #options: PieceStreamOptions
  #position: number
  #writer: PieceWriter | undefined
  #comparison: Hash | undefined
  #received = 0

  /** @param start where the first byte belongs in the content; the start of a piece */
  constructor(options: PieceStreamOptions, start: number) {
    this.#options = options
    this.#position = start
  }

  /** Bytes up to here have been taken. */
  get position(): number {
    return this.#position
  }

  /**
   * Takes the next bytes.
   *
   * @param isEnough asked where a piece ended: whether this may be the last one
   * @returns whether more bytes are wanted
   * @throws DamselflyError ORIGIN_CHANGED when a piece lacks the digest that it had before; ORIGIN_LONG past the known end;
   * DISK_FULL, DISK_FAILED
   */
  async push(bytes: Uint8Array, isEnough: () => boolean = () => false): Promise<boolean> {
    let rest = bytes
    while (rest.length > 0) {
      if (this.isAtEnd) throw new DamselflyError('ORIGIN_LONG', `the content goes on after ${this.#position} bytes`)
      const { index, start, end } = this.#pieceAt(this.#position)
      if (this.#position === start) this.#begin(index, end - start)
      const part = rest.subarray(0, end - this.#position)
      await this.#write(part)
      this.#position += part.length
      rest = rest.subarray(part.length)
      if (this.#position === end && !this.isAtEnd) await this.#finish(index)
      if (this.#writer === undefined && isEnough()) return false
    }
    return true
  }

  /** Whether all bytes up to the known end have been taken. The last piece then waits for `end`. */
  get isAtEnd(): boolean {
    const { layout } = this.#options.stored
    return layout !== undefined && this.#position >= layout.contentLength
  }

  /**
   * No more bytes come. Only now it is certain that a content which ends here is not longer than it was said to be,
   * or how long one is whose length was unknown.
   *
   * @throws as `push`
   */
  async end(): Promise<void> {
    const { stored } = this.#options
    if (stored.layout === undefined) await stored.update({ contentLength: this.#position })
    if (this.#position > 0 && this.isAtEnd) await this.#finish(Math.floor((this.#position - 1) / stored.record.pieceSize))
  }

  /** Gives up the piece that is under way. Idempotent. */
  async abort(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    this.#options.account.settled(this.#received, undefined)
    this.#received = 0
    await writer?.abort()
  }

  #pieceAt(position: number): { readonly index: number; readonly start: number; readonly end: number } {
    const { stored } = this.#options
    const { index, offset, length } = rangeOfPiece(stored, Math.floor(position / stored.record.pieceSize))
    return { index, start: offset, end: offset + length }
  }

  #begin(index: number, length: number): void {
    const { stored } = this.#options
    this.#comparison = stored.has(index) ? createHash('sha256') : undefined
    this.#writer = stored.claim(index, length)
  }

  async #finish(index: number): Promise<void> {
    if (this.#writer !== undefined) return this.#commit(this.#writer)
    const comparison = this.#comparison
    this.#comparison = undefined
    const held = this.#options.stored.digest(index)
    if (comparison === undefined || held === undefined) return
    if (!digestsEqual(comparison.digest(), held)) throw changed(index)
  }

  async #write(part: Uint8Array): Promise<void> {
    this.#comparison?.update(part)
    if (this.#writer === undefined) return
    this.#received += part.length
    this.#options.account.received(part.length)
    await this.#writer.write(part)
  }

  async #commit(writer: PieceWriter): Promise<void> {
    try {
      const digest = await writer.commit(this.#options.digests.get(writer.index))
      this.#writer = undefined
      this.#options.account.settled(this.#received, 'origin')
      this.#received = 0
      this.#options.onStored(writer.index, digest)
    } catch (error) {
      await this.abort()
      throw isDamselflyError(error, 'PIECE_CORRUPT') ? changed(writer.index, error) : error
    }
  }
}

function changed(index: number, cause?: unknown): DamselflyError {
  return new DamselflyError('ORIGIN_CHANGED', `piece ${index} differs from what the origin served before`, { cause })
}
