/** The `cause` of errors that come from an origin's answer, for those who decide whether to try again. */
export class OriginStatus extends Error {
  override readonly name = 'OriginStatus'
  /** The HTTP status, or the nearest to it that the origin's protocol has. */
  readonly status: number
  /** How long the origin asks to wait; milliseconds. */
  readonly retryAfterMs: number | undefined
  /** How it wants to be convinced: WWW-Authenticate, if the very origin that was asked refused access; else ''. */
  readonly challenge: string

  constructor(status: number, retryAfterMs: number | undefined, challenge = '') {
    super(`status ${status}`)
    this.status = status
    this.retryAfterMs = retryAfterMs
    this.challenge = challenge
  }
}
