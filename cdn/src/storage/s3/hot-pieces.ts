import { LRUCache } from 'lru-cache'
import pLimit, { type LimitFunction } from 'p-limit'

/** Pieces fetched from the bucket at once. */
const MAX_LOADS = 4

/** Pieces that were written or read lately, by their key; those that are being fetched are fetched once. */
export class HotPieces {
  readonly #pieces: LRUCache<string, Buffer>
  readonly #loading = new Map<string, Promise<Buffer>>()
  readonly #limit: LimitFunction = pLimit(MAX_LOADS)

  /** @param maxBytes of all that are kept */
  constructor(maxBytes: number) {
    this.#pieces = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ length }) => Math.max(1, length) })
  }

  get(key: string): Buffer | undefined {
    return this.#pieces.get(key)
  }

  set(key: string, bytes: Buffer): void {
    this.#pieces.set(key, bytes)
  }

  /** @throws what `load` throws */
  async obtain(key: string, load: () => Promise<Buffer>): Promise<Buffer> {
    const here = this.#pieces.get(key) ?? this.#loading.get(key)
    if (here !== undefined) return here
    const loading = this.#limit(load)
    this.#loading.set(key, loading)
    try {
      const bytes = await loading
      this.#pieces.set(key, bytes)
      return bytes
    } finally {
      this.#loading.delete(key)
    }
  }

  delete(key: string): void {
    this.#pieces.delete(key)
  }
}
