/** What an origin says about handing its answer out again: RFC 9111, as it holds for a cache that many share. */
export interface CacheTerms {
  /** How much longer the content counts as current without asking; milliseconds; undefined: the origin does not say. */
  readonly freshForMs: number | undefined
  /** How much longer than that it may be handed out while the origin fails; milliseconds; undefined: the origin does not say. */
  readonly staleIfErrorMs: number | undefined
  /** Whether it may be kept for those who ask later: neither `no-store` nor `private`. */
  readonly mayBeKept: boolean
}
