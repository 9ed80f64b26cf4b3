/** The `cause` of errors that come from an origin's answer, for those who decide whether to try again. */
export class OriginStatus extends Error {
  override readonly name = 'OriginStatus'
  /** The HTTP status, or the nearest to it that the origin's protocol has. */
  readonly status: number
  /** How long the origin asks to wait; milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(status: number, retryAfterMs: number | undefined) {
    super(`status ${status}`)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}
