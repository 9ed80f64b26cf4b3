/** Buffers that are used again, since touching fresh memory costs more than copying into it. */
export class BufferPool<T extends Buffer = Buffer> {
  readonly #allocate: () => T
  readonly #maxFree: number
  readonly #free: T[] = []

  /** @param maxFree buffers kept for the next user; how many are in use at once is not limited. */
  constructor(allocate: () => T, maxFree: number) {
    this.#allocate = allocate
    this.#maxFree = maxFree
  }

  acquire(): T {
    return this.#free.pop() ?? this.#allocate()
  }

  release(buffer: T): void {
    if (this.#free.length < this.#maxFree) this.#free.push(buffer)
  }
}
