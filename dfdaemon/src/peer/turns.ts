import type { Clock } from '@damselfly/shared'

export interface TurnsOptions {
  /** How many have a turn at once. */
  readonly atOnce: number
  /** A turn that lasts longer keeps nobody else waiting; milliseconds. */
  readonly longestMs: number
  readonly clock: Clock
}

/**
 * Makes those who come in a crowd take turns, in the order of their arrival. A thousand small pieces of work are done
 * sooner, and in a fraction of the memory, when they do not all stand half done; one that turns out to be long must not
 * hold up the others, so its turn ends while it goes on.
 */
export class Turns {
  readonly #options: TurnsOptions
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** @returns what ends the turn; idempotent. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#taken < this.#options.atOnce) this.#taken++
    else await this.#wait(signal)
    return this.#begin()
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const aborted = (): void => {
      // Whoever has been called has a turn, and its work sees the signal.
      if (this.#waiting.delete(resolve)) reject(signal.reason)
    }
    this.#waiting.add(resolve)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }

  #begin(): () => void {
    const { clock, longestMs } = this.#options
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      cancel()
      this.#passOn()
    }
    const cancel = clock.after(longestMs, end)
    return end
  }

  /** The next one takes the turn over, without its becoming free between. */
  #passOn(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#taken--
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
