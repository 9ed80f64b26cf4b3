import { createHash } from 'node:crypto'
import type { Sha256 } from '@damselfly/shared'
import type { ChunkWriter } from './chunk-writer.ts'
import type { PieceBytes } from './piece-bytes.ts'

/** Hashed in the thread that they come in, and written from there while the disk is fast. */
export class BytesHere implements PieceBytes {
  readonly #hash = createHash('sha256')
  readonly #chunks: ChunkWriter

  constructor(chunks: ChunkWriter) {
    this.#chunks = chunks
  }

  append(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    this.#chunks.append(bytes)
  }

  room(): Promise<void> | undefined {
    return this.#chunks.room()
  }

  async finish(): Promise<Sha256> {
    const digest = new Uint8Array(this.#hash.digest())
    await this.#chunks.finish()
    return digest
  }

  settle(): Promise<void> {
    return this.#chunks.settle()
  }

  discard(): Promise<void> {
    return this.#chunks.discard()
  }
}
