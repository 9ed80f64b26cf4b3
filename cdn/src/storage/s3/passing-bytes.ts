/** Bounds the bytes that are in memory for a while; what has no room waits its turn. */
export class PassingBytes {
  readonly #maxBytes: number
  readonly #waiting: { readonly length: number; readonly begin: () => void }[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Of all that is under way. */
  get bytes(): number {
    return this.#bytes
  }

  /** What alone exceeds the bound is under way alone. @throws what `work` throws */
  async within<T>(length: number, work: () => Promise<T>): Promise<T> {
    await this.#turn(length)
    try {
      return await work()
    } finally {
      this.#bytes -= length
      this.#goOn()
    }
  }

  #turn(length: number): Promise<void> {
    const turn = Promise.withResolvers<void>()
    this.#waiting.push({ length, begin: turn.resolve })
    this.#goOn()
    return turn.promise
  }

  #goOn(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (this.#bytes > 0 && this.#bytes + next.length > this.#maxBytes) return
      this.#waiting.shift()
      this.#bytes += next.length
      next.begin()
    }
  }
}
