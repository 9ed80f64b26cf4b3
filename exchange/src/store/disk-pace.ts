import type { Clock } from '@damselfly/shared'

/** The page cache answers in a tenth of a millisecond; a disk that has to be waited for in several milliseconds. */
const SLOW_MS = 2

/** How much one answer counts in the share of slow ones. */
const WEIGHT = 1 / 8

/** From this share on the disk is slow: after six slow answers in a row. */
const SLOW_SHARE = 0.5

/** After a rest one slow answer is enough. */
const SHARE_AFTER_REST = 0.45

/** How long work goes to other threads after slow answers; doubled each time that they are slow again; milliseconds. */
const FIRST_REST_MS = 1_000
const LONGEST_REST_MS = 60_000

/**
 * Whether the disk answers so fast that waiting for it costs less than handing the work to
 * another thread and back, which can take longer than copying a chunk to or from the page cache.
 * A few slow answers end that for a while, so that a slow disk holds everybody else up for a moment only.
 *
 * It counts how many answers are slow, and not how slow they are: where processes compete for the processors, this thread
 * loses its own in the middle of every twentieth answer, for up to a hundred milliseconds, and other threads would not
 * get one sooner. A slow disk is slow again and again.
 */
export class DiskPace {
  readonly #clock: Pick<Clock, 'now'>
  /** Of slow ones among the recent answers, weighted. */
  #slowShare = 0
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
    const slowness = ms < SLOW_MS ? 0 : 1
    this.#slowShare += (slowness - this.#slowShare) * WEIGHT
    if (this.#slowShare < SLOW_SHARE) {
      if (this.#slowShare < SLOW_SHARE / 2) this.#rest = FIRST_REST_MS
      return
    }
    this.#slowShare = SHARE_AFTER_REST
    this.#restsUntil = this.#clock.now() + this.#rest
    this.#rest = Math.min(this.#rest * 2, LONGEST_REST_MS)
  }
}
