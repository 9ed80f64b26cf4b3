import type { StoredTask } from '@damselfly/exchange'
import { DamselflyError, type Sha256 } from '@damselfly/shared'
import type { ContentHash } from './content-hash.ts'
import { HeldPiece, NewPiece, type OpenPiece } from './open-piece.ts'

/** A part of the task's content that is not here; bytes, `end` exclusive and undefined for all the rest. */
export interface Gap {
  readonly start: number
  readonly end: number | undefined
}

/** Cuts one stream of bytes into pieces and stores those that are missing. */
export class PieceSink {
  readonly #stored: StoredTask
  readonly #hash: ContentHash | undefined
  readonly #onStored: (index: number, digest: Sha256) => void
  #position = 0
  #open: OpenPiece | undefined
  #ending: Promise<void> = Promise.resolve()

  constructor(stored: StoredTask, hash: ContentHash | undefined, onStored: (index: number, digest: Sha256) => void) {
    this.#stored = stored
    this.#hash = hash
    this.#onStored = onStored
  }

  /** Where the next byte goes in the task's content. */
  get position(): number {
    return this.#position
  }

  get isFilled(): boolean {
    return this.#stored.isComplete
  }

  /** Bytes of the piece that has begun to come. */
  get openBytes(): number {
    return this.#open instanceof NewPiece ? this.#position - this.#open.index * this.#stored.record.pieceSize : 0
  }

  /** The first part that is missing; it may begin within a piece of which some bytes have come. */
  gap(): Gap {
    const { pieceSize } = this.#stored.record
    const have = this.#stored.have()
    const open = this.#open instanceof NewPiece ? this.#open.index : undefined
    let first = 0
    while (have.has(first)) first++
    let next = first
    while (next < have.size && !have.has(next)) next++
    return {
      start: first === open ? this.#position : first * pieceSize,
      end: next < have.size ? next * pieceSize : undefined,
    }
  }

  /** The next bytes are those at `position`: here, or where a piece begins. */
  async seek(position: number): Promise<void> {
    if (position === this.#position) return
    if (position % this.#stored.record.pieceSize !== 0) {
      throw new DamselflyError('INTERNAL', `byte ${position} is not the first of a piece`)
    }
    await this.close()
    this.#position = position
  }

  /**
   * Takes all the bytes at once; they may be gone when it returns. The content's last piece waits for `endLast`.
   *
   * @returns what to wait for before the next bytes, if anything
   * @throws DamselflyError ORIGIN_CHANGED, TASK_BUSY, DISK_FULL, DISK_FAILED
   */
  write(bytes: Uint8Array): Promise<void> | undefined {
    const waits: Promise<void>[] = []
    for (let taken = 0; taken < bytes.length; ) {
      const index = this.#indexAtPosition
      const end = this.#endOf(index)
      this.#open ??= this.#begin(index)
      const part = bytes.subarray(taken, taken + end - this.#position)
      const busy = this.#open.write(part)
      if (busy !== undefined) waits.push(heard(busy))
      taken += part.length
      this.#position += part.length
      if (this.#position === end && !this.#isAtEnd) waits.push(this.#endOpen())
    }
    return waits.length === 0 ? undefined : allOf(waits)
  }

  /** The content ends here, which nobody knew before. */
  async finish(): Promise<void> {
    await this.#stored.update({ contentLength: this.#position })
    await this.endLast()
  }

  /** No byte came after the content's last one, so that it is not longer than it was said to be. @throws as `write` */
  async endLast(): Promise<void> {
    if (this.#isAtEnd) void this.#endOpen()
    await this.settle()
  }

  get #isAtEnd(): boolean {
    return this.#position === this.#stored.layout?.contentLength
  }

  /** Resolves when the pieces whose bytes have all come are stored. @throws as `write` */
  async settle(): Promise<void> {
    await this.#ending
  }

  /** Gives up the piece that is not whole. */
  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.abort()
    await this.#ending.catch(() => undefined)
  }

  get #indexAtPosition(): number {
    return Math.floor(this.#position / this.#stored.record.pieceSize)
  }

  #endOf(index: number): number {
    return index * this.#stored.record.pieceSize + this.#lengthOf(index)
  }

  #lengthOf(index: number): number {
    return this.#stored.layout?.piece(index).length ?? this.#stored.record.pieceSize
  }

  #begin(index: number): OpenPiece {
    const digest = this.#stored.digest(index)
    if (digest !== undefined) return new HeldPiece(index, digest)
    const writer = this.#stored.claim(index, this.#lengthOf(index))
    if (writer === undefined) throw new DamselflyError('TASK_BUSY', `somebody else writes piece ${index}`)
    return new NewPiece(writer, this.#hash?.begin(index))
  }

  /**
   * The next piece's bytes are taken while this one goes to the disk.
   *
   * @returns the end of those before, so that no more than two are on their way
   */
  #endOpen(): Promise<void> {
    const before = this.#ending
    const open = this.#open
    this.#open = undefined
    if (open !== undefined) this.#ending = heard(allOf([before, this.#end(open)]))
    return before
  }

  async #end(piece: OpenPiece): Promise<void> {
    const digest = await piece.end()
    if (digest === undefined) return
    this.#hash?.catchUp()
    this.#onStored(piece.index, digest)
  }
}

/** A failure is told to whoever writes, settles or closes next, if nobody waits for it now. */
function heard(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined)
  return promise
}

async function allOf(promises: readonly Promise<void>[]): Promise<void> {
  await Promise.all(promises)
}
