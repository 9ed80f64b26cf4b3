import { DamselflyError, digestsEqual, type Sha256 } from '@damselfly/shared'
import type { PieceBytes } from './bytes/piece-bytes.ts'
import type { PieceWriter } from './piece-store.ts'

/** What a writer needs of the task that it writes for. */
export interface ClaimedPiece {
  readonly index: number
  /** Bytes of the piece by what is known now: an unknown content length may become known while it is written. */
  length(): number
  /** Makes a piece of `length` bytes count. @throws DamselflyError PIECE_CORRUPT, DISK_FULL, DISK_FAILED */
  record(length: number, digest: Sha256): Promise<void>
  /** Ends the claim. */
  release(): void
  /** Tells everybody who waits that the piece is here. */
  announce(digest: Sha256): Promise<void>
}

export class LocalPieceWriter implements PieceWriter {
  readonly #piece: ClaimedPiece
  readonly #bytes: PieceBytes
  #received = 0
  /** Settles when the claim has ended; set by whatever ends it first. */
  #ending: Promise<unknown> | undefined

  constructor(piece: ClaimedPiece, bytes: PieceBytes) {
    this.#piece = piece
    this.#bytes = bytes
  }

  get index(): number {
    return this.#piece.index
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#ending !== undefined) return Promise.reject(this.#ended())
    this.#received += bytes.length
    // Bytes past the end would land in the next piece.
    if (this.#received > this.#piece.length()) return Promise.reject(this.#wrongLength())
    this.#bytes.append(bytes)
    return this.#bytes.room()
  }

  async commit(expected: Sha256 | undefined): Promise<Sha256> {
    if (this.#ending !== undefined) throw this.#ended()
    const committing = this.#commit(expected)
    this.#ending = committing
    return await committing
  }

  async abort(): Promise<void> {
    this.#ending ??= this.#abandon()
    // How a commit ends is told to whoever asked for it.
    await this.#ending.catch(() => undefined)
  }

  /** Resolves when no disk write of this piece is outstanding. */
  settle(): Promise<void> {
    return this.#bytes.settle()
  }

  async #commit(expected: Sha256 | undefined): Promise<Sha256> {
    const digest = await this.#record(expected)
    this.#piece.release()
    await this.#piece.announce(digest)
    return digest
  }

  async #record(expected: Sha256 | undefined): Promise<Sha256> {
    try {
      const digest = await this.#verified(expected)
      await this.#piece.record(this.#received, digest)
      return digest
    } catch (error) {
      await this.#abandon()
      throw error
    }
  }

  async #verified(expected: Sha256 | undefined): Promise<Sha256> {
    if (this.#received !== this.#piece.length()) throw this.#wrongLength()
    const digest = await this.#bytes.finish()
    if (expected !== undefined && !digestsEqual(digest, expected)) throw this.#corrupt('does not have its digest')
    return digest
  }

  async #abandon(): Promise<void> {
    await this.#bytes.discard()
    this.#piece.release()
  }

  #wrongLength(): DamselflyError {
    return this.#corrupt(`has ${this.#received} bytes instead of ${this.#piece.length()}`)
  }

  #corrupt(what: string): DamselflyError {
    return new DamselflyError('PIECE_CORRUPT', `piece ${this.index} ${what}`)
  }

  #ended(): DamselflyError {
    return new DamselflyError('CANCELLED', `the claim on piece ${this.index} has ended`)
  }
}
