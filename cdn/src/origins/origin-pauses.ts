import { LRUCache } from 'lru-cache'
import { DamselflyError, isDamselflyError, type Clock } from '@damselfly/shared'
import { OriginStatus } from '../origin-status.ts'
import type { OriginLimits } from './limits.ts'

interface Pause {
  /** On the clock's scale; milliseconds. */
  readonly until: number
  readonly status: number
  /** How often in a row the origin has asked for it. */
  readonly times: number
}

/** Origins that are remembered. */
const MAX_ORIGINS = 10_000

/** Origins that want to be left alone for a while: all tasks of one wait together. */
export class OriginPauses {
  readonly #limits: OriginLimits
  readonly #clock: Clock
  readonly #pauses = new LRUCache<string, Pause>({ max: MAX_ORIGINS })

  constructor(limits: OriginLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** @throws DamselflyError ORIGIN_STATUS, with how long it still is, while the origin is to be left alone */
  check(origin: string): void {
    const pause = this.#pauses.get(origin)
    const left = (pause?.until ?? 0) - this.#clock.now()
    if (pause === undefined || left <= 0) return
    const message = `${origin} answered ${pause.status} and is left alone for another ${Math.ceil(left / 1000)} s`
    throw new DamselflyError('ORIGIN_STATUS', message, { cause: new OriginStatus(pause.status, left) })
  }

  /** The origin has served somebody. */
  answered(origin: string): void {
    // What it asked for meanwhile still holds for the time that it named.
    const pause = this.#pauses.get(origin)
    if (pause !== undefined && pause.until <= this.#clock.now()) this.#pauses.delete(origin)
  }

  /** @returns whether the origin is to be left alone from now on */
  failed(origin: string, error: unknown): boolean {
    const status = isDamselflyError(error) && error.cause instanceof OriginStatus ? error.cause : undefined
    if (status?.status !== 429 && status?.status !== 503) return false
    const now = this.#clock.now()
    const before = this.#pauses.get(origin)
    // Those that were under way together count once.
    const times = before === undefined ? 1 : before.until > now ? before.times : before.times + 1
    const until = Math.max(before?.until ?? 0, now + this.#lengthOf(status.retryAfterMs, times))
    this.#pauses.set(origin, { until, status: status.status, times })
    return true
  }

  #lengthOf(retryAfterMs: number | undefined, times: number): number {
    const { maxPauseMs, firstPauseMs, maxBackoffMs } = this.#limits
    if (retryAfterMs !== undefined) return Math.min(retryAfterMs, maxPauseMs)
    return Math.min(firstPauseMs * 2 ** (times - 1), maxBackoffMs)
  }
}
