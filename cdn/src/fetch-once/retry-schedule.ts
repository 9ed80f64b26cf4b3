import type { Clock } from '@damselfly/shared'
import { isTransientOriginError, retryAfterOf } from '../transience.ts'
import type { CdnLimits } from './limits.ts'
import { pauseOrThrow } from './waiting.ts'

/** So much more of the content makes earlier failures forgotten; bytes. */
const PROGRESS_BYTES = 1024 * 1024

export interface RetryInit {
  readonly clock: Clock
  readonly limits: CdnLimits
  /** From 0 to below 1. */
  readonly random: () => number
  readonly signal: AbortSignal
}

/** Decides whether and when a fetch that broke is tried again. */
export class RetrySchedule {
  readonly #init: RetryInit
  #failures = 0
  #reached = 0

  constructor(init: RetryInit) {
    this.#init = init
  }

  /**
   * Resolves when it is time for the next try.
   *
   * @param position how far the content is here; bytes
   * @param hasAnswered whether the origin has answered at all in this fetch
   * @throws the error when another try is not worth it, or the signal's reason
   */
  async next(error: unknown, position: number, hasAnswered: boolean): Promise<void> {
    const { clock, limits, signal } = this.#init
    if (!isTransientOriginError(error)) throw error
    if (position - this.#reached >= PROGRESS_BYTES) this.#failures = 0
    this.#reached = Math.max(this.#reached, position)
    this.#failures++
    if (this.#failures >= (hasAnswered ? limits.fetchTries : limits.startTries)) throw error
    await pauseOrThrow(clock, this.#delay(retryAfterOf(error) ?? 0), signal)
  }

  /** Spread out, so that fetches that broke together do not come back together. */
  #delay(retryAfterMs: number): number {
    const { limits, random } = this.#init
    const backoff = Math.min(limits.maxBackoffMs, limits.backoffMs * 2 ** (this.#failures - 1))
    return Math.max(backoff * (0.5 + random() / 2), Math.min(retryAfterMs, limits.maxRetryAfterMs))
  }
}
