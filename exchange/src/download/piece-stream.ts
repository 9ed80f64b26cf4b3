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
  /** Asked where a piece ended: whether it may be the last one. */
  readonly isEnough: () => boolean
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
  #hasEnough = false
  /** The pieces whose bytes have all come, on their way to the disk. */
  #ending: Promise<void> = Promise.resolve()

  /** @param start where the first byte belongs in the content; the start of a piece */
  constructor(options: PieceStreamOptions, start: number) {
    this.#options = options
    this.#position = start
  }

  /** Bytes up to here have been taken. */
  get position(): number {
    return this.#position
  }

  /** No more bytes are wanted. */
  get hasEnough(): boolean {
    return this.#hasEnough
  }

  /**
   * Takes the next bytes; they may be gone when it returns.
   *
   * @returns what to wait for before the next ones, if anything
   * @throws DamselflyError ORIGIN_CHANGED when a piece lacks the digest that it had before; ORIGIN_LONG past the known end;
   * DISK_FULL, DISK_FAILED
   */
  push(bytes: Uint8Array): Promise<void> | undefined {
    const waits: Promise<void>[] = []
    for (let rest = bytes; rest.length > 0 && !this.#hasEnough; ) {
      if (this.isAtEnd) throw new DamselflyError('ORIGIN_LONG', `the content goes on after ${this.#position} bytes`)
      const { index, start, end } = this.#pieceAt(this.#position)
      if (this.#position === start) this.#begin(index, end - start)
      const part = rest.subarray(0, end - this.#position)
      const busy = this.#write(part)
      if (busy !== undefined) waits.push(heard(busy))
      this.#position += part.length
      rest = rest.subarray(part.length)
      if (this.#position === end && !this.isAtEnd) waits.push(this.#finish(index))
      this.#hasEnough = this.#writer === undefined && this.#options.isEnough()
    }
    return waits.length === 0 ? undefined : allOf(waits)
  }

  /** Resolves when the pieces whose bytes have all come are stored. @throws as `push` */
  async settle(): Promise<void> {
    await this.#ending
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
    if (this.#position > 0 && this.isAtEnd) {
      void this.#finish(Math.floor((this.#position - 1) / stored.record.pieceSize))
    }
    await this.settle()
  }

  /** Gives up the piece that is under way. Idempotent. */
  async abort(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    this.#options.account.settled(this.#received, undefined)
    this.#received = 0
    await writer?.abort()
    await this.#ending.catch(() => undefined)
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

  /** @returns the end of the pieces before, so that no more than two are on their way to the disk */
  #finish(index: number): Promise<void> {
    const before = this.#ending
    const writer = this.#writer
    if (writer === undefined) this.#compare(index)
    else this.#ending = heard(allOf([before, this.#commit(writer, this.#received)]))
    this.#writer = undefined
    this.#received = 0
    return before
  }

  #compare(index: number): void {
    const comparison = this.#comparison
    this.#comparison = undefined
    const held = this.#options.stored.digest(index)
    if (comparison === undefined || held === undefined) return
    if (!digestsEqual(comparison.digest(), held)) throw changed(index)
  }

  #write(part: Uint8Array): Promise<void> | undefined {
    this.#comparison?.update(part)
    if (this.#writer === undefined) return undefined
    this.#received += part.length
    this.#options.account.received(part.length)
    return this.#writer.write(part)
  }

  async #commit(writer: PieceWriter, received: number): Promise<void> {
    const { account, digests, onStored } = this.#options
    try {
      const digest = await writer.commit(digests.get(writer.index))
      account.settled(received, 'origin')
      onStored(writer.index, digest)
    } catch (error) {
      account.settled(received, undefined)
      await writer.abort()
      throw isDamselflyError(error, 'PIECE_CORRUPT') ? changed(writer.index, error) : error
    }
  }
}

/** A failure is told to whoever pushes, settles or ends next, if nobody waits for it now. */
function heard(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined)
  return promise
}

async function allOf(promises: readonly Promise<void>[]): Promise<void> {
  await Promise.all(promises)
}

function changed(index: number, cause?: unknown): DamselflyError {
  return new DamselflyError('ORIGIN_CHANGED', `piece ${index} differs from what the origin served before`, { cause })
}
