import type { Clock } from '@damselfly/shared'

/** Between two looks at the rate; milliseconds. */
export const LOOK_EVERY_MS = 200

/** The looks after a change that only begin: a new connection is slow at first. */
const SETTLING = 1

/** Looks whose rate counts. */
const MEASURING = 2

/** Before another connection is tried where the last one did not help; milliseconds. */
const REST_MS = 30_000

/** Of what one more connection would bring if each were as fast as those before, what it must bring. */
const WORTHWHILE = 0.4

/**
 * How many connections to an origin are worth having for one content: begins with one, adds another as long as the rate
 * grows with it, and takes it back when it does not.
 */
export class ConnectionCount {
  readonly #max: number
  readonly #clock: Clock
  #wanted = 1
  #looks = 0
  /** When measuring began, and what had been received by then. */
  #since = { at: 0, bytes: 0 }
  /** With one connection less; bytes per second. */
  #before: number | undefined
  #restUntil = 0

  /** @param max the most that there may be */
  constructor(max: number, clock: Clock) {
    this.#max = max
    this.#clock = clock
  }

  get wanted(): number {
    return this.#wanted
  }

  /** Called every `LOOK_EVERY_MS`. @param received in all; bytes */
  look(received: number): void {
    const now = this.#clock.now()
    this.#looks++
    if (this.#looks <= SETTLING) this.#since = { at: now, bytes: received }
    if (this.#looks < SETTLING + MEASURING || now === this.#since.at) return
    this.#judge(((received - this.#since.bytes) / (now - this.#since.at)) * 1000, now)
  }

  /** One that was open has failed, so the origin may not want so many. */
  failed(): void {
    this.#retreat(this.#clock.now())
  }

  /** @param rate with as many connections as are wanted; bytes per second */
  #judge(rate: number, now: number): void {
    const before = this.#before
    if (before !== undefined && rate < before * (1 + WORTHWHILE / (this.#wanted - 1))) return this.#retreat(now)
    this.#before = undefined
    this.#looks = 0
    if (this.#wanted === this.#max || now < this.#restUntil) return
    this.#before = rate
    this.#wanted++
  }

  #retreat(now: number): void {
    this.#wanted = Math.max(1, this.#wanted - 1)
    this.#before = undefined
    this.#restUntil = now + REST_MS
    this.#looks = 0
  }
}
