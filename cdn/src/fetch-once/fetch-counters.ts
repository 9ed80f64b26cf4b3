import type { ErrorCode } from '@damselfly/shared'

/** What the CDN has done since it was created, for metrics. */
export interface CdnStats {
  /** Body bytes received from origins. */
  readonly originBytes: number
  readonly fetchesStarted: number
  readonly fetchesCompleted: number
  readonly fetchesActive: number
  /** By what ended them. */
  readonly fetchesFailed: ReadonlyMap<ErrorCode, number>
  /** Tries after a passing failure. */
  readonly retries: number
  /** Fetches that began anew because the content had changed. */
  readonly restarts: number
  /** Questions to origins whether a caller may have a private content. */
  readonly accessProbes: number
  /** Answers to the question whether a held content is current: it is, or it may be another. */
  readonly revalidatedSame: number
  readonly revalidatedChanged: number
  /** The same question without such an answer. */
  readonly revalidationsFailed: number
  /** Times that a content was handed out although its origin failed to confirm it. */
  readonly staleHandedOut: number
}

/** The same while they are counted. */
export interface FetchCounters {
  originBytes: number
  fetchesStarted: number
  fetchesCompleted: number
  fetchesActive: number
  readonly fetchesFailed: Map<ErrorCode, number>
  retries: number
  restarts: number
  accessProbes: number
  revalidatedSame: number
  revalidatedChanged: number
  revalidationsFailed: number
  staleHandedOut: number
}

export function newCounters(): FetchCounters {
  return {
    originBytes: 0,
    fetchesStarted: 0,
    fetchesCompleted: 0,
    fetchesActive: 0,
    fetchesFailed: new Map(),
    retries: 0,
    restarts: 0,
    accessProbes: 0,
    revalidatedSame: 0,
    revalidatedChanged: 0,
    revalidationsFailed: 0,
    staleHandedOut: 0,
  }
}
