interface Waiter {
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Whoever waits for pieces that are not here yet. */
export class PieceWaiters {
  readonly #waiters = new Map<number, Set<Waiter>>()

  /** Resolves when `announce` is called for the piece. @throws the signal's reason, or what `fail` is called with */
  wait(index: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = (): void => reject(signal.reason)
    const waiter: Waiter = { resolve, reject }
    this.#add(index, waiter)
    signal.addEventListener('abort', onAbort, { once: true })
    return promise.finally(() => {
      signal.removeEventListener('abort', onAbort)
      this.#remove(index, waiter)
    })
  }

  announce(index: number): void {
    for (const waiter of this.#waiters.get(index) ?? []) waiter.resolve()
  }

  /** @param first only waits for this piece and those after it. */
  fail(reason: unknown, first = 0): void {
    for (const [index, waiters] of this.#waiters) {
      if (index >= first) for (const waiter of waiters) waiter.reject(reason)
    }
  }

  #add(index: number, waiter: Waiter): void {
    const waiters = this.#waiters.get(index)
    if (waiters === undefined) this.#waiters.set(index, new Set([waiter]))
    else waiters.add(waiter)
  }

  #remove(index: number, waiter: Waiter): void {
    const waiters = this.#waiters.get(index)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#waiters.delete(index)
  }
}
