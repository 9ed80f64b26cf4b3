/** Bounds of one client of an S3 server. */
export interface S3Limits {
  /** For DNS, TCP and TLS together; milliseconds. @default 10 s */
  readonly connectTimeoutMs: number
  /** From the end of the request to the answer's headers; milliseconds. @default 30 s */
  readonly headersTimeoutMs: number
  /** Without a byte either way on a connection in use; milliseconds. @default 60 s */
  readonly idleTimeoutMs: number
  /** Open at once; further requests wait for one of them. @default 32 */
  readonly connections: number
}

export const DEFAULT_S3_LIMITS: S3Limits = {
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
  connections: 32,
}
