/** Counts what is under way, so that a close can wait for it. */
export class InFlight {
  #count = 0
  #settled: PromiseWithResolvers<void> | undefined

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#count++
    try {
      return await work()
    } finally {
      if (--this.#count === 0) this.#settled?.resolve()
    }
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#count > 0) {
      this.#settled = Promise.withResolvers()
      await this.#settled.promise
    }
  }
}
