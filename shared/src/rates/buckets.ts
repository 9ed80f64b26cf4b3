import { TokenBucket } from './token-bucket.ts'

/** Buckets that are full again are forgotten when there are twice as many as remained, and this many more. */
const SWEEP_SPARE = 64

/** Limits of one kind: the same for each key, unless it has one of its own. Bytes per second, Infinity: none. */
export class Buckets {
  readonly own = new Map<string, number>()
  readonly #buckets = new Map<string, TokenBucket>()
  #usual: number
  #sweepAt = SWEEP_SPARE

  constructor(usual: number) {
    this.#usual = usual
  }

  get usual(): number {
    return this.#usual
  }

  /** How many are not full, or were not a while ago. */
  get size(): number {
    return this.#buckets.size
  }

  get isOpen(): boolean {
    return this.#usual === Number.POSITIVE_INFINITY && this.own.size === 0
  }

  rateOf(key: string): number {
    return this.own.size === 0 ? this.#usual : (this.own.get(key) ?? this.#usual)
  }

  setUsual(rate: number, now: number): void {
    this.#usual = rate
    for (const [key, bucket] of this.#buckets) if (!this.own.has(key)) bucket.setRate(rate, now)
  }

  setOwn(key: string, rate: number | undefined, now: number): void {
    if (rate === undefined) this.own.delete(key)
    else this.own.set(key, rate)
    this.#buckets.get(key)?.setRate(this.rateOf(key), now)
  }

  waitFor(key: string, bytes: number, now: number): number {
    return this.#buckets.get(key)?.waitFor(bytes, now) ?? 0
  }

  draw(key: string, bytes: number, now: number): void {
    const rate = this.rateOf(key)
    if (rate === Number.POSITIVE_INFINITY) return
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#sweepAt) this.#sweep(now)
      this.#buckets.set(key, (bucket = new TokenBucket(rate, now)))
    }
    bucket.draw(bytes, now)
  }

  #sweep(now: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(key)
    this.#sweepAt = 2 * this.#buckets.size + SWEEP_SPARE
  }
}
