import { pause, type Clock } from './clock.ts'

/** How much of a second may be spent at once after a pause; seconds of rate. */
const BURST_SECONDS = 0.1

/** A smaller burst than one socket write would only add timers; bytes. */
const MIN_BURST = 64 * 1024

/**
 * A token bucket shared by everything that draws on one budget of bytes per second.
 * Requests are granted in the order of their arrival, so none starves.
 */
export class RateLimiter {
  readonly #clock: Clock
  #bytesPerSecond = Number.POSITIVE_INFINITY
  #tokens = 0
  #updatedAt: number
  #queue: Promise<void> = Promise.resolve()

  /** @param bytesPerSecond 0 or Infinity: no limit. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.#clock = clock
    this.#updatedAt = clock.now()
    this.setRate(bytesPerSecond)
    this.#tokens = this.#burst
  }

  get unlimited(): boolean {
    return this.#bytesPerSecond === Number.POSITIVE_INFINITY
  }

  setRate(bytesPerSecond: number): void {
    this.#refill()
    this.#bytesPerSecond = bytesPerSecond > 0 ? bytesPerSecond : Number.POSITIVE_INFINITY
  }

  /**
   * Resolves when `bytes` may pass. A request larger than the burst passes once the bucket
   * is full and leaves a debt that later ones pay.
   *
   * @throws the signal's reason when aborted while waiting.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (this.unlimited) return Promise.resolve()
    const turn = this.#queue.then(() => this.#grant(bytes, signal))
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  get #burst(): number {
    return Math.max(MIN_BURST, this.#bytesPerSecond * BURST_SECONDS)
  }

  async #grant(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      this.#refill()
      if (this.unlimited) return
      const missing = Math.min(bytes, this.#burst) - this.#tokens
      if (missing <= 0) break
      await pause(this.#clock, Math.max(1, (missing / this.#bytesPerSecond) * 1000), signal)
    }
    this.#tokens -= bytes
  }

  #refill(): void {
    const now = this.#clock.now()
    if (!this.unlimited) {
      const earned = ((now - this.#updatedAt) / 1000) * this.#bytesPerSecond
      this.#tokens = Math.min(this.#burst, this.#tokens + earned)
    }
    this.#updatedAt = now
  }
}
