import { Window } from './window.ts'

/** What may pass at once after a pause; seconds of rate. */
const BURST_SECONDS = 0.07

/**
 * What may be made up for at once while somebody waits: a process that did not get the processor for a moment must not
 * lose that time. The window sees to it that this makes no two seconds exceed the limit. Seconds of rate.
 */
const LATE_SECONDS = 0.4

/** How much is drawn at once; seconds of rate: small enough to be even, large enough to cost little. */
const PORTION_SECONDS = 0.01

/** Bytes. Below, headers and timers would cost more than the content. */
const LEAST_PORTION = 4 * 1024

/** Bytes. Above, larger portions save nothing. */
const LARGEST_PORTION = 256 * 1024

/** 0 and less mean no limit, which here is Infinity; bytes per second. */
export function rateOrNone(bytesPerSecond: number): number {
  return bytesPerSecond > 0 ? bytesPerSecond : Number.POSITIVE_INFINITY
}

/** What is best drawn at once under this rate; bytes. */
export function portionFor(bytesPerSecond: number): number {
  return Math.floor(Math.min(LARGEST_PORTION, Math.max(LEAST_PORTION, bytesPerSecond * PORTION_SECONDS)))
}

/** One limit: fills with its rate, up to a burst. What is larger than the burst passes once it is full and leaves a debt. */
export class TokenBucket {
  #rate: number
  #tokens: number
  #updatedAt: number
  /** Whether the last one who asked had to wait. */
  #isAwaited = false
  readonly #window = new Window()

  /** @param rate bytes per second; Infinity: no limit. @param now milliseconds */
  constructor(rate: number, now: number) {
    this.#rate = rate
    this.#tokens = this.#burst
    this.#updatedAt = now
  }

  get rate(): number {
    return this.#rate
  }

  /** A debt remains, unless there was no limit in between. */
  setRate(rate: number, now: number): void {
    this.#refill(now)
    const wasOpen = this.#isOpen
    this.#rate = rate
    this.#tokens = wasOpen ? this.#burst : Math.min(this.#tokens, this.#burst)
    // What passed under another rate says nothing about this one.
    this.#window.clear()
  }

  /** How long until so many bytes may pass; milliseconds, 0: now. */
  waitFor(bytes: number, now: number): number {
    if (this.#isOpen) return 0
    this.#refill(now)
    const missing = Math.min(bytes, this.#burst) - this.#tokens
    const untilFilled = missing <= 0 ? 0 : (missing / this.#rate) * 1000
    const wait = Math.max(untilFilled, this.#window.waitFor(bytes, this.#rate, now))
    this.#isAwaited = wait > 0
    return wait
  }

  draw(bytes: number, now: number): void {
    if (this.#isOpen) return
    this.#tokens -= bytes
    this.#window.count(bytes, now)
  }

  /** Whether it is as if it had never been used. */
  isFull(now: number): boolean {
    this.#refill(now)
    return this.#isOpen || this.#tokens >= this.#burst
  }

  get #isOpen(): boolean {
    return this.#rate === Number.POSITIVE_INFINITY
  }

  get #burst(): number {
    return this.#isOpen ? 0 : this.#rate * BURST_SECONDS
  }

  #refill(now: number): void {
    if (!this.#isOpen) {
      const most = this.#isAwaited ? this.#rate * LATE_SECONDS : this.#burst
      const filled = this.#tokens + ((now - this.#updatedAt) / 1000) * this.#rate
      this.#tokens = Math.max(this.#tokens, Math.min(most, filled))
    }
    this.#updatedAt = now
  }
}
