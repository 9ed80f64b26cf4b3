import { DamselflyError, type ErrorCode } from '@damselfly/shared'

/** Somebody is turned away for a while. */
export class TryAgainLater extends DamselflyError {
  readonly retryAfterMs: number

  constructor(code: ErrorCode, why: string, retryAfterMs: number) {
    super(code, `${why}; try again in ${wholeSeconds(retryAfterMs)} s`)
    this.retryAfterMs = retryAfterMs
  }

  /** As the header wants it; seconds. */
  get retryAfter(): number {
    return wholeSeconds(this.retryAfterMs)
  }
}

function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000)
}
