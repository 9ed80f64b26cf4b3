import type { Clock } from './clock.ts'

/** How much of a second may be spent at once after a pause; seconds of rate. */
const BURST_SECONDS = 0.1

/** A smaller burst than one socket write would only add timers; bytes. */
const MIN_BURST = 64 * 1024

/** While somebody waits, what a late timer earned is kept up to this many bursts, so that lateness costs no rate. */
const LATE_BURSTS = 2

interface Waiter {
  readonly bytes: number
  readonly pass: () => void
}

/**
 * A token bucket shared by everything that draws on one budget of bytes per second.
 * Requests are granted in the order of their arrival, so none starves.
 */
export class RateLimiter {
  readonly #clock: Clock
  readonly #waiters = new Set<Waiter>()
  #bytesPerSecond = Number.POSITIVE_INFINITY
  #tokens = 0
  #updatedAt: number
  #cancelTimer: () => void = () => undefined

  /** @param bytesPerSecond 0 or Infinity: no limit. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.#clock = clock
    this.#updatedAt = clock.now()
    this.setRate(bytesPerSecond)
  }

  get unlimited(): boolean {
    return this.#bytesPerSecond === Number.POSITIVE_INFINITY
  }

  /** Holds at once, for those who wait too. 0 or Infinity: no limit. */
  setRate(bytesPerSecond: number): void {
    this.#refill()
    const wasUnlimited = this.unlimited
    this.#bytesPerSecond = bytesPerSecond > 0 ? bytesPerSecond : Number.POSITIVE_INFINITY
    if (wasUnlimited) this.#tokens = this.unlimited ? 0 : this.#burst
    this.#grant()
  }

  /**
   * Resolves when `bytes` may pass. A request larger than the burst passes once the bucket
   * is full and leaves a debt that later ones pay.
   *
   * @throws the signal's reason when aborted while waiting, at once and without having drawn anything.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    if (this.unlimited) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        pass: () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
      }
      const abort = (): void => {
        this.#waiters.delete(waiter)
        this.#grant()
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiters.add(waiter)
      this.#grant()
    })
  }

  get #burst(): number {
    return Math.max(MIN_BURST, this.#bytesPerSecond * BURST_SECONDS)
  }

  /** Lets pass whoever may, in order, and sets the timer for the next one. */
  #grant(): void {
    this.#cancelTimer()
    this.#refill()
    for (const waiter of this.#waiters) {
      const missing = this.unlimited ? 0 : Math.min(waiter.bytes, this.#burst) - this.#tokens
      if (missing > 0) {
        const delayMs = (missing / this.#bytesPerSecond) * 1000
        this.#cancelTimer = this.#clock.after(Math.max(1, delayMs), () => this.#grant())
        return
      }
      this.#waiters.delete(waiter)
      if (!this.unlimited) this.#tokens -= waiter.bytes
      waiter.pass()
    }
  }

  #refill(): void {
    const now = this.#clock.now()
    if (!this.unlimited) {
      const earned = ((now - this.#updatedAt) / 1000) * this.#bytesPerSecond
      const most = this.#waiters.size > 0 ? this.#burst * LATE_BURSTS : this.#burst
      this.#tokens = Math.min(most, this.#tokens + earned)
    }
    this.#updatedAt = now
  }
}
