import type { Clock } from '../clock.ts'

export interface TimeSharesInit {
  /** The part of the time that one may take in the long run; 0 to 1. */
  readonly share: number
  /** What one may take at once after a pause; milliseconds. */
  readonly burstMs: number
  readonly clock: Clock
  /** Whether one who has been alone for a second may take everything. @default not */
  readonly allAlone?: boolean
}

/** Who has been silent for longer needs no share now; milliseconds. */
const ACTIVE_MS = 1000

/** What one has left. */
interface Allowance {
  /** Milliseconds; below 0 after what took longer. */
  left: number
  at: number
}

/** Those whose allowance is full again are looked for beyond this. */
const SWEEP_AT = 1024

/**
 * How much of this thread's time each of many may take. Whoever asks for more is to be made to wait, so that one who asks all
 * the time takes its share and no more; most take so little that they never notice.
 */
export class TimeShares<K> {
  readonly #init: TimeSharesInit
  readonly #allowances = new Map<K, Allowance>()
  #sweepAt = SWEEP_AT
  #waitedMs = 0
  #last: K | undefined
  #lastAt = Number.NEGATIVE_INFINITY
  /** When another one than the last was there. */
  #otherAt = Number.NEGATIVE_INFINITY

  constructor(init: TimeSharesInit) {
    this.#init = init
  }

  /** How long they were told to wait, all together; milliseconds. */
  get waitedMs(): number {
    return this.#waitedMs
  }

  get size(): number {
    return this.#allowances.size
  }

  /** How long this one is to wait before anything is done for it; milliseconds. */
  waitOf(who: K): number {
    return this.#waitFor(this.#of(who))
  }

  /** Something was done for this one. @returns how long it is to wait before more is done for it; milliseconds */
  spend(who: K, ms: number): number {
    const allowance = this.#of(who)
    allowance.left -= ms
    if (this.#isAlone(who)) {
      allowance.left = Math.max(0, allowance.left)
      return 0
    }
    const wait = this.#waitFor(allowance)
    this.#waitedMs += wait
    return wait
  }

  #isAlone(who: K): boolean {
    const now = this.#init.clock.now()
    if (this.#last !== who) {
      this.#otherAt = this.#lastAt
      this.#last = who
    }
    this.#lastAt = now
    return this.#init.allAlone === true && now - this.#otherAt > ACTIVE_MS
  }

  #waitFor({ left }: Allowance): number {
    return left >= 0 ? 0 : -left / this.#init.share
  }

  #of(who: K): Allowance {
    const now = this.#init.clock.now()
    const known = this.#allowances.get(who)
    if (known !== undefined) {
      this.#refill(known, now)
      return known
    }
    if (this.#allowances.size >= this.#sweepAt) this.#sweep(now)
    const made = { left: this.#init.burstMs, at: now }
    this.#allowances.set(who, made)
    return made
  }

  #refill(allowance: Allowance, now: number): void {
    const { share, burstMs } = this.#init
    allowance.left = Math.min(burstMs, allowance.left + (now - allowance.at) * share)
    allowance.at = now
  }

  #sweep(now: number): void {
    for (const [who, allowance] of this.#allowances) {
      this.#refill(allowance, now)
      if (allowance.left >= this.#init.burstMs) this.#allowances.delete(who)
    }
    this.#sweepAt = Math.max(SWEEP_AT, this.#allowances.size * 2)
  }
}
