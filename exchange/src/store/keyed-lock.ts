/** Runs work on one key in turn, work on different keys at the same time. */
export class KeyedLock<K> {
  readonly #last = new Map<K, Promise<void>>()

  async run<T>(key: K, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last.set(key, promise)
    try {
      await before
      return await work()
    } finally {
      if (this.#last.get(key) === promise) this.#last.delete(key)
      resolve()
    }
  }
}
