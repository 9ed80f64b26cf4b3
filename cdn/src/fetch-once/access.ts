import { canonicalUrl, DamselflyError, originOf, redactUrl, toDamselflyError, type Clock, type HeaderMap } from '@damselfly/shared'
import type { TaskRecord } from '@damselfly/exchange'
import type { ContentSpec } from '../cdn.ts'
import type { OriginInfo, SourceClient } from '../source-client.ts'
import { sameValidators } from '../validators.ts'
import type { FetchCounters } from './fetch-counters.ts'
import type { CdnLimits } from './limits.ts'
import { createMemory, keyOf } from './memory.ts'
import { mayNeedCredentials } from './origin-reader.ts'
import { probePatiently } from './patient-probe.ts'
import { versionOf } from './task-record.ts'
import { orAborted } from './waiting.ts'

interface Verdict {
  readonly refusal: DamselflyError | undefined
}

export interface AccessInit {
  readonly source: SourceClient
  readonly clock: Clock
  readonly limits: CdnLimits
  readonly counters: FetchCounters
  /** Ends the questions that are under way. */
  readonly signal: AbortSignal
}

/** Who may have a content, by the origin's word. */
export class Access {
  readonly #init: AccessInit
  readonly #verdicts
  readonly #asking = new Map<string, Promise<Verdict>>()

  constructor(init: AccessInit) {
    this.#init = init
    this.#verdicts = createMemory<Verdict>(init.limits.memoryEntries, init.limits.accessMemoryMs, init.clock)
  }

  /** The origin has served this very content to them. @param lastsMs how long that counts; milliseconds */
  remember(spec: ContentSpec, held: TaskRecord, credentials: HeaderMap, lastsMs: number = this.#init.limits.accessMemoryMs): void {
    this.#verdicts.set(accessKey(spec, held, credentials), { refusal: undefined }, { ttl: lastsMs })
  }

  /**
   * @param held the task as it is here, if it is
   * @param leastMs consent that holds for no longer than this is asked for again; milliseconds
   * @returns how long the origin's consent holds; milliseconds
   * @throws DamselflyError ORIGIN_UNAUTHORIZED, or as SourceClient.probe
   */
  async check(spec: ContentSpec, held: TaskRecord | undefined, credentials: HeaderMap, signal: AbortSignal, leastMs: number): Promise<number> {
    signal.throwIfAborted()
    if (held !== undefined) requireSameOrigin(spec, held)
    const key = accessKey(spec, held, credentials)
    const verdict = this.#remembered(key, leastMs) ?? (await orAborted(this.#ask(key, spec, held, credentials), signal))
    if (verdict.refusal !== undefined) throw verdict.refusal
    return this.#verdicts.getRemainingTTL(key)
  }

  #remembered(key: string, leastMs: number): Verdict | undefined {
    const verdict = this.#verdicts.get(key)
    const isEnough = verdict?.refusal !== undefined || this.#verdicts.getRemainingTTL(key) > leastMs
    return isEnough ? verdict : undefined
  }

  #ask(key: string, spec: ContentSpec, held: TaskRecord | undefined, credentials: HeaderMap): Promise<Verdict> {
    const asking = this.#asking.get(key) ?? this.#probe(key, spec, held, credentials).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #probe(key: string, spec: ContentSpec, held: TaskRecord | undefined, credentials: HeaderMap): Promise<Verdict> {
    const { counters, limits, signal } = this.#init
    counters.accessProbes++
    try {
      const headers = new Map([...spec.variantHeaders, ...credentials])
      const info = await probePatiently(this.#init, { url: spec.url, headers, signal })
      if (held !== undefined) requireSameContent(spec, held, info)
    } catch (error) {
      if (!mayNeedCredentials(error)) throw error
      const verdict = { refusal: toDamselflyError(error) }
      this.#verdicts.set(key, verdict, { ttl: limits.refusalMemoryMs })
      return verdict
    }
    const verdict = { refusal: undefined }
    this.#verdicts.set(key, verdict)
    return verdict
  }
}

/** With a digest, other URLs lead to the same task; the word of another origin opens nothing that this one closes. */
function requireSameOrigin(spec: ContentSpec, held: TaskRecord): void {
  if (originOf(spec.url) === originOf(held.url)) return
  throw refused(spec, 'is private at another origin')
}

/** What is served to one caller need not be what is served to another, not even at the same URL. */
function requireSameContent(spec: ContentSpec, held: TaskRecord, info: OriginInfo): void {
  const same = sameValidators(info.validators, held)
  const isOtherLength = spec.range === undefined && info.contentLength !== held.contentLength
  if (!isSameUrl(spec, held)) {
    // Of a part the origin does not tell the length, so that only validators can show anything.
    if (isOtherLength || same === false || (spec.range !== undefined && same !== true)) throw refused(spec, 'is another content than the private one')
    return
  }
  const isUnproven = same === undefined && (spec.expectedDigest === undefined || isOtherLength)
  if (same === false || isUnproven) {
    const message = `${redactUrl(spec.url)} does not show this caller the content that is held here`
    throw new DamselflyError('ORIGIN_CHANGED', message)
  }
}

/** Consent to one content says nothing of the next one under the same URL. */
function accessKey(spec: ContentSpec, held: TaskRecord | undefined, credentials: HeaderMap): string {
  const version = held === undefined ? '' : versionOf({ record: held }).version
  return `${version} ${keyOf(spec.taskId, spec.url, credentials)}`
}

function isSameUrl(spec: ContentSpec, held: TaskRecord): boolean {
  const filtered = spec.filteredQueryParams
  return canonicalUrl(spec.url, filtered) === canonicalUrl(held.url, filtered)
}

function refused(spec: ContentSpec, why: string): DamselflyError {
  return new DamselflyError('ORIGIN_UNAUTHORIZED', `${redactUrl(spec.url)} ${why}`)
}
