/** Nothing is known yet: generous enough for a slow disk or a distant parent; milliseconds. */
const INITIAL_DEADLINE = 10_000

/** Shorter would fire on an ordinary pause of the event loop; milliseconds. */
const SHORTEST_DEADLINE = 2_000

/** A stalled parent is given up after seconds, not minutes; milliseconds. */
const LONGEST_DEADLINE = 30_000

/** Gains and the multiple of the deviation are those of TCP's retransmission timer (RFC 6298). */
const MEAN_GAIN = 1 / 8
const DEVIATION_GAIN = 1 / 4
const DEVIATIONS = 4

/** How long pieces take, and so how long to wait for one. Adapts like TCP's retransmission timer. */
export class PieceDeadline {
  #mean: number | undefined
  #deviation = 0

  /** Takes note of a piece that arrived after `ms`. */
  measured(ms: number): void {
    if (this.#mean === undefined) {
      this.#mean = ms
      this.#deviation = ms / 2
      return
    }
    this.#deviation += DEVIATION_GAIN * (Math.abs(ms - this.#mean) - this.#deviation)
    this.#mean += MEAN_GAIN * (ms - this.#mean)
  }

  /** Milliseconds without any progress after which a piece is given up. */
  get deadline(): number {
    if (this.#mean === undefined) return INITIAL_DEADLINE
    return Math.min(LONGEST_DEADLINE, Math.max(SHORTEST_DEADLINE, this.#mean + DEVIATIONS * this.#deviation))
  }

  /** Milliseconds after which a piece is late enough to ask a second parent for it; undefined before any measure. */
  get hedgeAfter(): number | undefined {
    return this.#mean === undefined ? undefined : Math.max(100, 2 * this.#mean + DEVIATIONS * this.#deviation)
  }
}
