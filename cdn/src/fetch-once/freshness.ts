import type { LRUCache } from 'lru-cache'
import { DamselflyError, isDamselflyError, messageOf, toDamselflyError, type Clock, type HeaderMap } from '@damselfly/shared'
import type { CacheTerms } from '../cache-terms.ts'
import type { ContentSpec } from '../cdn.ts'
import type { OriginInfo, OriginValidators, SourceClient } from '../source-client.ts'
import { isTransientOriginError } from '../transience.ts'
import { hasChanged, sameValidators } from '../validators.ts'
import type { FetchCounters } from './fetch-counters.ts'
import type { CdnLimits } from './limits.ts'
import { createMemory, keyOf } from './memory.ts'
import { probePatiently } from './patient-probe.ts'

/** A content as it is held somewhere. */
export interface HeldVersion {
  /** What no other version of the task has. */
  readonly version: string
  readonly validators: OriginValidators
  /** Bytes of the task's content; undefined while unknown. */
  readonly contentLength: number | undefined
  readonly isPrivate: boolean
}

/** What its origin says about a held content: the same as before, another one, or nothing by which that could be told. */
export type FreshnessVerdict = 'current' | 'changed' | 'unconfirmed'

/** What follows from an answer; done once for all who wait, before they hear of it. */
export interface FreshnessConsequences {
  /** The origin has just said, to this very caller if the content is private, that it serves it. */
  readonly same: () => void
  readonly other: (verdict: 'changed' | 'unconfirmed') => Promise<void>
}

export interface FreshnessInit {
  readonly source: SourceClient
  readonly clock: Clock
  readonly limits: CdnLimits
  readonly counters: FetchCounters
  /** Ends the questions that are under way. */
  readonly signal: AbortSignal
}

/** On the clock's scale; milliseconds. */
interface Knowledge {
  /** Until then it is not asked again. */
  readonly until: number
  /** Until then it may be handed out although its origin fails. */
  readonly staleUntil: number
  /** Why it may not be handed out until then. */
  readonly refusal: DamselflyError | undefined
}

/** Callers that come within this time of a fetch count as having come together; milliseconds. */
const TOGETHER_MS = 2_000

/** Knows how long a content counts as what its origin serves, and asks when that is over: once for all who wait. */
export class Freshness {
  readonly #init: FreshnessInit
  readonly #known: LRUCache<string, Knowledge>
  readonly #asking = new Map<string, Promise<FreshnessVerdict>>()
  /** What an earlier run of the program has left is out of date since then. */
  readonly #startedAt: number

  constructor(init: FreshnessInit) {
    this.#init = init
    this.#known = createMemory<Knowledge>(init.limits.memoryEntries, 0, init.clock)
    this.#startedAt = init.clock.now()
  }

  /** The origin has just served it. @param at when, on the clock's scale; milliseconds */
  remember(held: HeldVersion, spec: ContentSpec, credentials: HeaderMap, terms: CacheTerms | undefined, at: number): void {
    const { staleIfErrorMs } = this.#init.limits
    const lasts = this.#lastsFor(terms)
    // What cannot be confirmed by a question would be fetched once for each of those who ask at the same time.
    const together = this.#isConfirmable(held, terms) ? 0 : this.#init.clock.now() + TOGETHER_MS
    const until = Math.max(at + lasts, together)
    const staleUntil = until + Math.min(staleIfErrorMs, terms?.staleIfErrorMs ?? staleIfErrorMs)
    this.#known.set(subjectKey(held, spec, credentials), { until, staleUntil, refusal: undefined })
  }

  /**
   * Asks the origin, unless it was asked a moment ago or has said how long its word counts.
   *
   * @throws DamselflyError as SourceClient.probe: why the content may not be handed out to this caller now
   */
  async check(
    held: HeldVersion,
    spec: ContentSpec,
    credentials: HeaderMap,
    then: FreshnessConsequences,
  ): Promise<FreshnessVerdict> {
    // What is named by its digest cannot change.
    if (spec.expectedDigest !== undefined) return 'current'
    const key = subjectKey(held, spec, credentials)
    const known = this.#known.get(key)
    if (known !== undefined && this.#init.clock.now() < known.until) {
      if (known.refusal !== undefined) throw known.refusal
      return 'current'
    }
    const asking = this.#asking.get(key) ?? this.#begin(key, held, spec, credentials, then)
    return await asking
  }

  /** Asks now, whatever is known. @throws also what `staleIfErrorMs` would pass over */
  async askNow(
    held: HeldVersion,
    spec: ContentSpec,
    credentials: HeaderMap,
    then: FreshnessConsequences,
  ): Promise<FreshnessVerdict> {
    if (spec.expectedDigest !== undefined) return 'current'
    const verdict = await this.#question(subjectKey(held, spec, credentials), held, spec, credentials, then)
    if (verdict !== 'current') await then.other(verdict)
    return verdict
  }

  #begin(
    key: string,
    held: HeldVersion,
    spec: ContentSpec,
    credentials: HeaderMap,
    then: FreshnessConsequences,
  ): Promise<FreshnessVerdict> {
    const ask = async (): Promise<FreshnessVerdict> => {
      const verdict = await this.#ask(key, held, spec, credentials, then)
      if (verdict !== 'current') await then.other(verdict)
      return verdict
    }
    const asking = ask().finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #ask(
    key: string,
    held: HeldVersion,
    spec: ContentSpec,
    credentials: HeaderMap,
    then: FreshnessConsequences,
  ): Promise<FreshnessVerdict> {
    try {
      return await this.#question(key, held, spec, credentials, then)
    } catch (error) {
      this.#init.counters.revalidationsFailed++
      return this.#withoutAnswer(key, toDamselflyError(error))
    }
  }

  async #question(
    key: string,
    held: HeldVersion,
    spec: ContentSpec,
    credentials: HeaderMap,
    { same }: FreshnessConsequences,
  ): Promise<FreshnessVerdict> {
    const { counters, clock } = this.#init
    const at = clock.now()
    const info = await this.#probe(held, spec, credentials)
    const verdict = verdictOf(held, spec, info)
    if (verdict === 'current') this.remember(held, spec, credentials, info.terms, at)
    else this.#known.delete(key)
    if (verdict === 'current') same()
    counters[verdict === 'current' ? 'revalidatedSame' : 'revalidatedChanged']++
    return verdict
  }

  /** An origin that is out of order says nothing of the content; whatever else it answers holds. */
  #withoutAnswer(key: string, error: DamselflyError): FreshnessVerdict {
    const { clock, limits, counters } = this.#init
    const now = clock.now()
    const staleUntil = this.#known.get(key)?.staleUntil ?? this.#startedAt + limits.staleIfErrorMs
    const mayBeStale = isOutOfOrder(error) && now < staleUntil
    if (error.code !== 'CANCELLED') {
      const refusal = mayBeStale ? undefined : error
      this.#known.set(key, { until: now + limits.failureMemoryMs, staleUntil, refusal })
    }
    if (!mayBeStale) throw isOutOfOrder(error) ? outOfDate(error) : error
    counters.staleHandedOut++
    return 'current'
  }

  async #probe(held: HeldVersion, spec: ContentSpec, credentials: HeaderMap): Promise<OriginInfo> {
    const { clock, limits, signal } = this.#init
    const timeout = new AbortController()
    const cancel = clock.after(limits.freshnessTimeoutMs, () => timeout.abort(new DamselflyError('ORIGIN_UNREACHABLE', `no answer within ${limits.freshnessTimeoutMs} ms`)))
    try {
      const headers = new Map([...spec.variantHeaders, ...(held.isPrivate ? credentials : [])])
      const request = { url: spec.url, headers, known: held.validators, signal: AbortSignal.any([signal, timeout.signal]) }
      return await probePatiently(this.#init, request)
    } finally {
      cancel()
    }
  }

  #lastsFor(terms: CacheTerms | undefined): number {
    const { freshForMs, maxFreshMs } = this.#init.limits
    return Math.min(terms?.freshForMs ?? freshForMs, maxFreshMs)
  }

  #isConfirmable({ validators }: HeldVersion, terms: CacheTerms | undefined): boolean {
    return (validators.etag !== '' || validators.lastModified !== '') && terms?.mayBeKept !== false
  }
}

/** Of a private content each caller has to be told by the origin for themselves what it is. */
function subjectKey({ version, isPrivate }: HeldVersion, spec: ContentSpec, credentials: HeaderMap): string {
  return isPrivate ? `${version} ${keyOf(spec.taskId, spec.url, credentials)}` : version
}

function verdictOf(held: HeldVersion, spec: ContentSpec, info: OriginInfo): FreshnessVerdict {
  const contentLength = spec.range === undefined ? held.contentLength : undefined
  if (hasChanged({ contentLength, acceptsRanges: info.acceptsRanges, validators: held.validators }, info)) return 'changed'
  const isShown = sameValidators(held.validators, info.validators) === true
  return isShown && info.terms?.mayBeKept !== false ? 'current' : 'unconfirmed'
}

/** As RFC 9111 has it for `stale-if-error`: nobody answered, or a server error did. */
function isOutOfOrder(error: DamselflyError): boolean {
  return isTransientOriginError(error) || isDamselflyError(error, 'ORIGIN_UNREACHABLE') || isDamselflyError(error, 'ORIGIN_TLS')
}

function outOfDate(error: DamselflyError): DamselflyError {
  const message = `what is held of the content is out of date, and its origin cannot be asked: ${messageOf(error)}`
  return new DamselflyError(error.code, message, { cause: error.cause })
}
