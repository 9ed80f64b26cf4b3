/** Bounds of one HTTP source client. */
export interface HttpSourceLimits {
  /** For DNS, TCP and TLS together; milliseconds. @default 10 s */
  readonly connectTimeoutMs: number
  /** From the request to the end of the answer's headers; milliseconds. @default 30 s */
  readonly headersTimeoutMs: number
  /** Without a byte of the body while somebody waits for one; milliseconds. @default 30 s */
  readonly bodyIdleTimeoutMs: number
  /** Of all response headers together; bytes. @default 32 KiB */
  readonly maxHeaderBytes: number
  /** @default 10 */
  readonly maxRedirects: number
  /** Further requests to the same origin wait for one to end. @default 32 */
  readonly connectionsPerOrigin: number
  /** How long a connection is kept for the next request, if the origin does not want it ended sooner; milliseconds. @default 4 s */
  readonly connectionRestMs: number
}

export const DEFAULT_HTTP_SOURCE_LIMITS: HttpSourceLimits = {
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  bodyIdleTimeoutMs: 30_000,
  maxHeaderBytes: 32 * 1024,
  maxRedirects: 10,
  connectionsPerOrigin: 32,
  connectionRestMs: 4_000,
}
