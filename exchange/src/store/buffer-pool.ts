/** Buffers that are used again, since touching fresh memory costs more than copying into it. */
export class BufferPool {
  readonly #bytes: number
  readonly #maxFree: number
  readonly #free: Buffer[] = []

  /**
   * @param bytes the size of each buffer.
   * @param maxFree buffers kept for the next user; how many are in use at once is not limited.
   */
  constructor(bytes: number, maxFree: number) {
    this.#bytes = bytes
    this.#maxFree = maxFree
  }

  acquire(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes)
  }

  release(buffer: Buffer): void {
    if (this.#free.length < this.#maxFree) this.#free.push(buffer)
  }
}
