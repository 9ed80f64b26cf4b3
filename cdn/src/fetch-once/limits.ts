/** Bounds of the CDN's fetches and memories. */
export interface CdnLimits {
  /** Tries of a request until the origin has answered once: somebody waits for the first byte. @default 3 */
  readonly startTries: number
  /** Tries in a row without progress once a fetch runs. @default 6 */
  readonly fetchTries: number
  /** The first pause between tries; each next one is twice as long; milliseconds. @default 250 */
  readonly backoffMs: number
  /** The longest pause; milliseconds. @default 15 s */
  readonly maxBackoffMs: number
  /** The longest pause that an origin's Retry-After can ask for; milliseconds. @default 30 s */
  readonly maxRetryAfterMs: number
  /** Connections at once that one content comes over, where its origin allows ranges and more of them make it faster. @default 1 */
  readonly connectionsPerContent: number
  /** What the first request asks for, of a content of which nothing is known yet, where several connections may share it; bytes, a multiple of every piece size. @default 32 MiB */
  readonly firstPortion: number
  /** How long a failed fetch is not tried again; milliseconds. @default 3 s */
  readonly failureMemoryMs: number
  /** How long an origin's consent to a caller's credentials holds; milliseconds. @default 5 min */
  readonly accessMemoryMs: number
  /** How long its refusal holds; milliseconds. @default 5 s */
  readonly refusalMemoryMs: number
  /** How long a held content counts as current where its origin does not say; milliseconds. @default 5 s */
  readonly freshForMs: number
  /** The longest that an origin's word on that counts; milliseconds. @default 1 h */
  readonly maxFreshMs: number
  /** How much longer it is handed out while its origin fails, unless that forbids it; milliseconds, 0: not at all. @default 0 */
  readonly staleIfErrorMs: number
  /** How long the answer may take to the question whether it is current; milliseconds. @default 10 s */
  readonly freshnessTimeoutMs: number
  /** Tries of that question, as long as the origin answers that this is not the moment. @default 3 */
  readonly freshnessTries: number
  /** How long a content that has changed waits for those who read a piece of the old one; milliseconds. @default 10 s */
  readonly supersedeMs: number
  /** Of a task's content; bytes. @default 1 TiB */
  readonly maxContentLength: number
  /** Entries in each memory, the least recently used forgotten first. @default 10,000 */
  readonly memoryEntries: number
}

export const DEFAULT_CDN_LIMITS: CdnLimits = {
  startTries: 3,
  fetchTries: 6,
  backoffMs: 250,
  maxBackoffMs: 15_000,
  maxRetryAfterMs: 30_000,
  connectionsPerContent: 1,
  firstPortion: 32 * 1024 * 1024,
  failureMemoryMs: 3_000,
  accessMemoryMs: 5 * 60_000,
  refusalMemoryMs: 5_000,
  freshForMs: 5_000,
  maxFreshMs: 60 * 60_000,
  staleIfErrorMs: 0,
  freshnessTimeoutMs: 10_000,
  freshnessTries: 3,
  supersedeMs: 10_000,
  maxContentLength: 2 ** 40,
  memoryEntries: 10_000,
}
