import type { Clock } from '@damselfly/shared'

/** The page cache answers in a tenth of this; a disk that has to be waited for does not; milliseconds. */
const SLOW_MS = 5

/** How long work goes to other threads after a slow answer; doubled for each that follows; milliseconds. */
const FIRST_REST_MS = 1_000
const LONGEST_REST_MS = 60_000

/**
 * Whether the disk answers so fast that waiting for it costs less than handing the work to
 * another thread and back, which can take longer than copying a chunk to or from the page cache.
 * One slow answer ends that for a while, so that a slow disk holds everybody else up for a moment only.
 */
export class DiskPace {
  readonly #clock: Pick<Clock, 'now'>
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
      this.#took(startedAt)
    }
  }

  #took(startedAt: number): void {
    const endedAt = this.#clock.now()
    if (endedAt - startedAt < SLOW_MS) {
      this.#rest = FIRST_REST_MS
      return
    }
    this.#restsUntil = endedAt + this.#rest
    this.#rest = Math.min(this.#rest * 2, LONGEST_REST_MS)
  }
}
