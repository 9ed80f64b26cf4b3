import { LRUCache } from 'lru-cache'
import { isWhole, type PieceStore, type StoredTask } from '@damselfly/exchange'
import { DamselflyError, isDamselflyError, redactUrl, toDamselflyError, type Clock, type HeaderMap, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Cdn, CdnTask, ContentSpec } from '../cdn.ts'
import type { SourceClient } from '../source-client.ts'
import { Access } from './access.ts'
import { FailureMemory } from './failure-memory.ts'
import { newCounters, type CdnStats, type FetchCounters } from './fetch-counters.ts'
import { DEFAULT_CDN_LIMITS, type CdnLimits } from './limits.ts'
import { deleteWhenFree } from './delete-when-free.ts'
import { Freshness, type FreshnessConsequences, type FreshnessVerdict, type HeldVersion } from './freshness.ts'
import { LiveTask } from './live-task.ts'
import { keyOf } from './memory.ts'
import { OriginFetch } from './origin-fetch.ts'
import { mayNeedCredentials, OriginReader } from './origin-reader.ts'
import { RetrySchedule } from './retry-schedule.ts'
import { separateCredentials, versionOf, type SeparatedSpec } from './task-record.ts'
import { orAborted } from './waiting.ts'

export interface CdnInit {
  /** Started; whoever created it stops it after the CDN. */
  readonly store: PieceStore
  /** For all schemes, see `createSourceRegistry`; whoever created it closes it. */
  readonly sources: SourceClient
  readonly clock: Clock
  readonly logger: Logger
  readonly limits?: Partial<CdnLimits> | undefined
  /** From 0 to below 1; spreads retries. @default Math.random */
  readonly random?: (() => number) | undefined
}

/** The CDN and what it has done so far. */
export interface MeasuredCdn extends Cdn {
  stats(): CdnStats
}

export function createCdn(init: CdnInit): MeasuredCdn {
  return new FetchOnceCdn(init)
}

/** Complete tasks that stay at hand; others are opened from the store again. */
const MAX_HELD = 1024

/** When the origin began to serve a fetch by its caller's credentials, on the clock's scale; undefined while it has not. */
interface Proof {
  givenAt: number | undefined
}

/** One fetch and who it was started for. */
interface Running {
  readonly asked: SeparatedSpec
  readonly task: LiveTask
  readonly proof: Proof
  readonly over: Promise<void>
}

class FetchOnceCdn implements MeasuredCdn {
  readonly #init: CdnInit
  readonly #limits: CdnLimits
  readonly #counters: FetchCounters = newCounters()
  readonly #stopping = new AbortController()
  readonly #running = new Map<TaskId, Running>()
  readonly #held = new LRUCache<TaskId, LiveTask>({ max: MAX_HELD })
  readonly #failures: FailureMemory
  readonly #access: Access
  readonly #freshness: Freshness
  readonly #supersededListeners = new Set<(taskId: TaskId) => void>()
  readonly #privacyListeners = new Set<(taskId: TaskId) => void>()

  constructor(init: CdnInit) {
    this.#init = init
    this.#limits = { ...DEFAULT_CDN_LIMITS, ...init.limits }
    this.#failures = new FailureMemory(this.#limits, init.clock)
    const { clock, sources: source } = init
    const asking = { source, clock, limits: this.#limits, counters: this.#counters, signal: this.#stopping.signal }
    this.#access = new Access(asking)
    this.#freshness = new Freshness(asking)
  }

  async obtain(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal, from = 0, by?: string): Promise<CdnTask> {
    const asked = separateCredentials(spec, credentials)
    for (;;) {
      signal.throwIfAborted()
      this.#stopping.signal.throwIfAborted()
      const shared = this.#running.get(spec.taskId)
      if (shared === undefined) {
        const held = await orAborted(this.#findHeld(asked), signal)
        if (held !== undefined) return held
        // Another caller may have begun meanwhile.
        if (this.#running.has(spec.taskId)) continue
        this.#failures.rethrow(asked)
      }
      const running = shared ?? this.#start(asked, from, by)
      try {
        await orAborted(running.task.whenOpen(), signal)
        return running.task
      } catch (error) {
        // What the origin says to one caller's URL and credentials need not hold for another's.
        if (shared === undefined || signal.aborted || !this.#failures.mayDiffer(error, running.asked, asked)) throw error
      }
    }
  }

  get(taskId: TaskId): CdnTask | undefined {
    const running = this.#running.get(taskId)?.task
    if (running?.isOpen === true) return running
    const held = this.#held.get(taskId)
    // The store may have deleted it meanwhile.
    return held?.stored.isComplete === true ? held : undefined
  }

  async authorize(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal, leastMs = 0): Promise<number> {
    this.#stopping.signal.throwIfAborted()
    const asked = separateCredentials(spec, credentials)
    const running = this.#running.get(spec.taskId)
    const lasts = running !== undefined && isSameCaller(running.asked, asked) ? this.#lastsFor(running.proof) : 0
    if (lasts > leastMs) return lasts
    const stored = await this.#init.store.open(spec.taskId)
    return await this.#access.check(asked.spec, stored?.record, asked.credentials, signal, leastMs)
  }

  async confirm(taskId: TaskId, credentials: HeaderMap): Promise<boolean> {
    this.#stopping.signal.throwIfAborted()
    const held = await this.#openComplete(taskId)
    if (held === undefined) throw new DamselflyError('TASK_NOT_FOUND', `the CDN does not hold task ${taskId} whole`)
    const asked = separateCredentials(held.spec, credentials)
    const then = this.#consequences(held.stored, asked, held.isPrivate)
    return (await this.#freshness.askNow(versionOf(held.stored), asked.spec, asked.credentials, then)) === 'current'
  }

  async vouch(spec: ContentSpec, credentials: HeaderMap, held: HeldVersion): Promise<FreshnessVerdict> {
    const asked = separateCredentials(spec, credentials)
    const then = { same: () => undefined, other: () => Promise.resolve() }
    return await this.#freshness.check(held, asked.spec, asked.credentials, then)
  }

  onSuperseded(listener: (taskId: TaskId) => void): () => void {
    this.#supersededListeners.add(listener)
    return () => void this.#supersededListeners.delete(listener)
  }

  onTurnedPrivate(listener: (taskId: TaskId) => void): () => void {
    this.#privacyListeners.add(listener)
    return () => void this.#privacyListeners.delete(listener)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DamselflyError('CANCELLED', 'the CDN stops'))
    await Promise.all(Array.from(this.#running.values(), (running) => running.over))
  }

  stats(): CdnStats {
    return { ...this.#counters, fetchesFailed: new Map(this.#counters.fetchesFailed) }
  }

  /** A complete task, from memory or from an earlier run of the program, that is still what the origin serves. */
  async #findHeld(asked: SeparatedSpec): Promise<LiveTask | undefined> {
    const before = await this.#openComplete(asked.spec.taskId)
    if (before === undefined) return undefined
    await this.#revalidate(before.stored, asked)
    const task = await this.#openComplete(asked.spec.taskId)
    await task?.stored.update({ lastUsedAt: this.#init.clock.wallTime() })
    return task
  }

  /** Deletes a content that may not be the origin's any more. @throws why this caller may not have it */
  async #revalidate(stored: StoredTask, asked: SeparatedSpec): Promise<void> {
    try {
      await this.#check(stored, asked, stored.record.isPrivate)
    } catch (error) {
      if (stored.record.isPrivate || !mayNeedCredentials(error)) throw error
      // From now on each caller has to be let in by the origin, also by the word of those that were here before.
      if (isDamselflyError(error, 'ORIGIN_UNAUTHORIZED')) await this.#turnPrivate(stored)
      if (asked.credentials.size === 0) throw error
      await this.#check(stored, asked, true)
      await this.#turnPrivate(stored)
    }
  }

  async #turnPrivate(stored: StoredTask): Promise<void> {
    const { taskId, isPrivate } = stored.record
    if (isPrivate) return
    await stored.update({ isPrivate: true })
    for (const tell of this.#privacyListeners) tell(taskId)
  }

  async #check(stored: StoredTask, asked: SeparatedSpec, isPrivate: boolean): Promise<void> {
    const held = { ...versionOf(stored), isPrivate }
    await this.#freshness.check(held, asked.spec, asked.credentials, this.#consequences(stored, asked, isPrivate))
  }

  #consequences(stored: StoredTask, { spec, credentials }: SeparatedSpec, isPrivate: boolean): FreshnessConsequences {
    return {
      // Only about a private content the origin is asked with the caller's credentials.
      same: () => (isPrivate ? this.#access.remember(spec, stored.record, credentials) : undefined),
      other: (verdict) => this.#supersede(stored, spec, verdict),
    }
  }

  /** Makes room for another version. Of a change those who use this one are told first, so that its last reader leaves. */
  async #supersede({ record: { taskId } }: StoredTask, spec: ContentSpec, verdict: 'changed' | 'unconfirmed'): Promise<void> {
    const { store, clock, logger } = this.#init
    logger.info({ taskId, url: redactUrl(spec.url), verdict }, 'the content is fetched anew')
    if (verdict === 'changed') for (const tell of this.#supersededListeners) tell(taskId)
    const patience = { clock, patienceMs: this.#limits.supersedeMs, signal: this.#stopping.signal }
    await deleteWhenFree(store, taskId, patience)
  }

  async #openComplete(taskId: TaskId): Promise<LiveTask | undefined> {
    const stored = await this.#init.store.open(taskId)
    if (stored === undefined || !isWhole(stored)) {
      this.#held.delete(taskId)
      return undefined
    }
    const known = this.#held.get(taskId)
    if (known?.stored === stored) return known
    const task = LiveTask.ofComplete(stored, this.#init.clock)
    this.#held.set(taskId, task)
    return task
  }

  /** How long what a fetch has proved of its caller holds; milliseconds. */
  #lastsFor({ givenAt }: Proof): number {
    return givenAt === undefined ? 0 : givenAt + this.#limits.accessMemoryMs - this.#init.clock.now()
  }

  #start(asked: SeparatedSpec, from: number, by: string | undefined): Running {
    const task = new LiveTask(asked.spec, this.#init.clock)
    task.wantFrom(from)
    const proof: Proof = { givenAt: undefined }
    const running = { asked, task, proof, over: this.#run(asked, task, proof, by) }
    this.#running.set(asked.spec.taskId, running)
    return running
  }

  async #run(asked: SeparatedSpec, task: LiveTask, proof: Proof, by: string | undefined): Promise<void> {
    const counters = this.#counters
    counters.fetchesStarted++
    counters.fetchesActive++
    try {
      // So that the caller has entered the fetch in the list before it can end.
      await Promise.resolve()
      await this.#fetch(asked, task, proof, by)
      const lasts = this.#lastsFor(proof)
      if (lasts > 0) this.#access.remember(asked.spec, task.stored.record, asked.credentials, lasts)
      this.#completed(task, asked)
    } catch (error) {
      this.#failed(task, asked, toDamselflyError(error))
    } finally {
      counters.fetchesActive--
    }
  }

  #completed(task: LiveTask, { spec, credentials }: SeparatedSpec): void {
    const { taskId } = spec
    this.#counters.fetchesCompleted++
    this.#running.delete(taskId)
    this.#held.set(taskId, task)
    // What an earlier run has left whole was not confirmed by this one.
    if (task.answer !== undefined) this.#freshness.remember(versionOf(task.stored), spec, credentials, task.answer.terms, task.answer.at)
    this.#init.logger.info({ taskId, originBytes: task.originBytes }, 'fetched')
    task.end({ type: 'complete' })
  }

  #failed(task: LiveTask, asked: SeparatedSpec, error: DamselflyError): void {
    const { taskId } = task.spec
    const { fetchesFailed } = this.#counters
    fetchesFailed.set(error.code, (fetchesFailed.get(error.code) ?? 0) + 1)
    this.#running.delete(taskId)
    this.#failures.remember(error, asked)
    this.#init.logger.warn({ taskId, code: error.code, reason: error.message }, 'fetch failed')
    task.end({ type: 'failed', error })
  }

  async #fetch({ spec, credentials }: SeparatedSpec, task: LiveTask, proof: Proof, by: string | undefined): Promise<void> {
    const { store, sources, clock, logger, random } = this.#init
    const { signal } = this.#stopping
    const onAccess = (): void => void (proof.givenAt = clock.now())
    const reader = new OriginReader({ source: sources, spec, credentials, by, signal, onAccess })
    const retries = new RetrySchedule({ clock, limits: this.#limits, random: random ?? Math.random, signal })
    logger.info({ taskId: spec.taskId, url: redactUrl(spec.url) }, 'fetching from the origin')
    const { maxContentLength, connectionsPerContent: connections, firstPortion } = this.#limits
    const limits = { maxContentLength, connections, firstPortion }
    const fetch = new OriginFetch({ spec, task, reader, store, retries, clock, logger, counters: this.#counters, ...limits, signal })
    await fetch.run()
  }
}

function isSameCaller(a: SeparatedSpec, b: SeparatedSpec): boolean {
  return keyOf(a.spec.taskId, a.spec.url, a.credentials) === keyOf(b.spec.taskId, b.spec.url, b.credentials)
}
