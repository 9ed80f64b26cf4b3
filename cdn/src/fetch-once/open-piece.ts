import { createHash, type Hash } from 'node:crypto'
import type { PieceWriter } from '@damselfly/exchange'
import { DamselflyError, digestsEqual, type Sha256 } from '@damselfly/shared'

/** The piece whose bytes are passing. */
export interface OpenPiece {
  readonly index: number
  write(bytes: Uint8Array): Promise<void>
  /** All bytes have passed. */
  end(): Promise<void>
  abort(): Promise<void>
}

export interface PieceEnd {
  /** @param fed the hash of the whole content up to the end of this piece, if it was the next in order */
  (digest: Sha256, fed: Hash | undefined): void
}

/** Bytes that are new. */
export class NewPiece implements OpenPiece {
  readonly #writer: PieceWriter
  readonly #content: Hash | undefined
  readonly #onEnd: PieceEnd

  /** @param content continues the hash of the whole content, if this piece is the next in order */
  constructor(writer: PieceWriter, content: Hash | undefined, onEnd: PieceEnd) {
    this.#writer = writer
    this.#content = content
    this.#onEnd = onEnd
  }

  get index(): number {
    return this.#writer.index
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#content?.update(bytes)
    return this.#writer.write(bytes)
  }

  async end(): Promise<void> {
    this.#onEnd(await this.#writer.commit(undefined), this.#content)
  }

  abort(): Promise<void> {
    return this.#writer.abort()
  }
}

/** Bytes that come again although they are here: they show whether the content is still the same. */
export class HeldPiece implements OpenPiece {
  readonly index: number
  readonly #expected: Sha256
  readonly #hash = createHash('sha256')

  constructor(index: number, expected: Sha256) {
    this.index = index
    this.#expected = expected
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes)
    return Promise.resolve()
  }

  /** @throws DamselflyError ORIGIN_CHANGED */
  end(): Promise<void> {
    if (digestsEqual(this.#hash.digest(), this.#expected)) return Promise.resolve()
    return Promise.reject(new DamselflyError('ORIGIN_CHANGED', `piece ${this.index} came differently the second time`))
  }

  abort(): Promise<void> {
    return Promise.resolve()
  }
}
