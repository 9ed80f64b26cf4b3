/** Buffers that are used again, since touching fresh memory costs more than copying into it. */
export class BufferPool<T extends Buffer = Buffer> {
  readonly #allocate: () => T
  readonly #maxFree: number
  readonly #free: T[] = []
  #inUse = 0

  /** @param maxFree buffers kept for the next user; how many are in use at once is not limited. */
  constructor(allocate: () => T, maxFree: number) {
    this.#allocate = allocate
    this.#maxFree = maxFree
  }

  /** Those that were acquired and not released. */
  get inUse(): number {
    return this.#inUse
  }

  acquire(): T {
    this.#inUse++
    return this.#free.pop() ?? this.#allocate()
  }

  release(buffer: T): void {
    this.#inUse--
    if (this.#free.length < this.#maxFree) this.#free.push(buffer)
  }
}
