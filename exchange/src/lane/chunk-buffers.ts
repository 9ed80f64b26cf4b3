/** Buffers that are used again and again: a fresh page costs far more than a warm one. */
export class ChunkBuffers {
  readonly #size: number
  readonly #maxKept: number
  readonly #free: Buffer[] = []

  /**
   * @param size of each buffer; bytes.
   * @param maxKept how many are kept while nobody uses them.
   */
  constructor(size: number, maxKept: number) {
    this.#size = size
    this.#maxKept = maxKept
  }

  acquire(): Buffer {
    // The last one given back is the one that is still in the CPU's cache.
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size)
  }

  release(buffer: Buffer): void {
    if (this.#free.length < this.#maxKept) this.#free.push(buffer)
  }
}
