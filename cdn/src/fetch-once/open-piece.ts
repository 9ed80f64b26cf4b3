import { createHash } from 'node:crypto'
import type { PieceWriter } from '@damselfly/exchange'
import { DamselflyError, digestsEqual, type Sha256 } from '@damselfly/shared'
import type { ContentPart } from './content-hash.ts'

/** The piece whose bytes are passing. */
export interface OpenPiece {
  readonly index: number
  /** Takes the bytes at once. @returns what to wait for before the next ones, if anything */
  write(bytes: Uint8Array): Promise<void> | undefined
  /** All bytes have passed. @returns the digest if the piece is new here */
  end(): Promise<Sha256 | undefined>
  abort(): Promise<void>
}

/** Bytes that are new. */
export class NewPiece implements OpenPiece {
  readonly #writer: PieceWriter
  readonly #content: ContentPart | undefined

  /** @param content the part of the whole content's hash, if this piece is the next in order */
  constructor(writer: PieceWriter, content: ContentPart | undefined) {
    this.#writer = writer
    this.#content = content
  }

  get index(): number {
    return this.#writer.index
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#content?.update(bytes)
    return this.#writer.write(bytes)
  }

  async end(): Promise<Sha256> {
    this.#content?.end()
    return await this.#writer.commit(undefined)
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

  write(bytes: Uint8Array): undefined {
    this.#hash.update(bytes)
  }

  /** @throws DamselflyError ORIGIN_CHANGED */
  end(): Promise<undefined> {
    if (digestsEqual(this.#hash.digest(), this.#expected)) return Promise.resolve(undefined)
    return Promise.reject(new DamselflyError('ORIGIN_CHANGED', `piece ${this.index} came differently the second time`))
  }

  abort(): Promise<void> {
    return Promise.resolve()
  }
}
