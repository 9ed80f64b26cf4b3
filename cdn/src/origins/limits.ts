/** What all requests to origins together, and those to one of them, may take. */
export interface OriginLimits {
  /** Contents that are read at once from all origins together; no origin gets more of them than it leaves free. @default 256 */
  readonly connections: number
  /** The same from one origin. @default 32 */
  readonly connectionsPerOrigin: number
  /** Bytes per second from all origins together; 0: no limit. @default 0 */
  readonly rate: number
  /** Bytes per second from one origin; 0: no limit. @default 0 */
  readonly ratePerOrigin: number
  /** The longest that an origin is left alone because it asks for that; milliseconds. @default 10 min */
  readonly maxPauseMs: number
  /** How long it is left alone after the first 429 or 503 that does not say how long, doubled by each next one; milliseconds. @default 1 s */
  readonly firstPauseMs: number
  /** What of that doubling is the most; milliseconds. @default 1 min */
  readonly maxBackoffMs: number
}

export const DEFAULT_ORIGIN_LIMITS: OriginLimits = {
  connections: 256,
  connectionsPerOrigin: 32,
  rate: 0,
  ratePerOrigin: 0,
  maxPauseMs: 10 * 60_000,
  firstPauseMs: 1_000,
  maxBackoffMs: 60_000,
}
