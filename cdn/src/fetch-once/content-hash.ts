import { createHash } from 'node:crypto'
import { DamselflyError, type Sha256 } from '@damselfly/shared'
import type { StoredTask } from '@damselfly/exchange'

/** Takes the bytes of one piece; they count when it has ended. */
export interface ContentPart {
  update(bytes: Uint8Array): void
  end(): void
}

const READ_BYTES = 1024 * 1024

/**
 * The SHA-256 of the whole content, piece after piece in order. A piece that comes in
 * order is hashed as its bytes pass; others are read back from the store.
 */
export class ContentHash {
  readonly #stored: StoredTask
  readonly #signal: AbortSignal
  #hash = createHash('sha256')
  /** Pieces that `#hash` covers. */
  #hashed = 0
  #following: Promise<void> | undefined

  constructor(stored: StoredTask, signal: AbortSignal) {
    this.#stored = stored
    this.#signal = signal
  }

  /** @returns what to feed the piece's bytes to, or undefined when it is not the next in order. */
  begin(index: number): ContentPart | undefined {
    if (index !== this.#hashed || this.#following !== undefined) return undefined
    const hash = this.#hash.copy()
    const end = (): void => {
      this.#hash = hash
      this.#hashed = index + 1
    }
    return { update: (bytes) => void hash.update(bytes), end }
  }

  /** Starts to read back what is stored next in order, if that is not under way. */
  catchUp(): void {
    if (!this.#stored.has(this.#hashed)) return
    // A failure shows again, and is told, when the digest is asked for.
    this.#follow().catch(() => undefined)
  }

  /** Of a content of so many pieces, all of them stored. @throws DamselflyError DISK_FAILED, or the signal's reason */
  async digest(pieceCount: number): Promise<Sha256> {
    while (this.#hashed < pieceCount) {
      const before = this.#hashed
      await this.#follow()
      if (this.#hashed === before) throw new DamselflyError('INTERNAL', `piece ${before} is not here to be hashed`)
    }
    return this.#hash.copy().digest()
  }

  #follow(): Promise<void> {
    this.#following ??= this.#readBack().finally(() => (this.#following = undefined))
    return this.#following
  }

  async #readBack(): Promise<void> {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    while (this.#stored.has(this.#hashed)) {
      const length = this.#stored.layout?.piece(this.#hashed).length ?? this.#stored.record.pieceSize
      const hash = this.#hash.copy()
      for (let offset = 0; offset < length; offset += READ_BYTES) {
        this.#signal.throwIfAborted()
        const part = buffer.subarray(0, Math.min(READ_BYTES, length - offset))
        await this.#stored.read(this.#hashed, offset, part)
        hash.update(part)
      }
      this.#hash = hash
      this.#hashed++
    }
  }
}
