import type { Clock } from '@damselfly/shared'

/** The page cache answers in a tenth of a millisecond; a disk that has to be waited for in several milliseconds. */
const SLOW_MS = 2

/** How much one answer counts in the average: a thread that lost the processor for a moment must not pass for a slow disk. */
const WEIGHT = 1 / 8

/** How long work goes to other threads after slow answers; doubled each time that they are slow again; milliseconds. */
const FIRST_REST_MS = 1_000
const LONGEST_REST_MS = 60_000

/**
 * Whether the disk answers so fast that waiting for it costs less than handing the work to
 * another thread and back, which can take longer than copying a chunk to or from the page cache.
 * A few slow answers end that for a while, so that a slow disk holds everybody else up for a moment only.
 */
export class DiskPace {
  readonly #clock: Pick<Clock, 'now'>
  /** Of the recent answers, weighted; milliseconds. */
  #average = 0
  #restsUntil = Number.NEGATIVE_INFINITY
  #rest = FIRST_REST_MS

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  get isFast(): boolean {
    return this.#clock.now() >= this.#restsUntil
  }

  /** Does work that waits for the disk. @throws what `work` throws */
  measure<T>(work: () => T): T {
    const startedAt = this.#clock.now()
    try {
      return work()
    } finally {
      this.#took(this.#clock.now() - startedAt)
    }
  }

  #took(ms: number): void {
    this.#average += (ms - this.#average) * WEIGHT
    if (this.#average < SLOW_MS) {
      if (this.#average < SLOW_MS / 4) this.#rest = FIRST_REST_MS
      return
    }
    this.#average = 0
    this.#restsUntil = this.#clock.now() + this.#rest
    this.#rest = Math.min(this.#rest * 2, LONGEST_REST_MS)
  }
}
