import { LRUCache } from 'lru-cache'
import { isWhole, type PieceStore } from '@damselfly/exchange'
import { DamselflyError, redactUrl, toDamselflyError, type Clock, type HeaderMap, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Cdn, CdnTask, ContentSpec } from '../cdn.ts'
import type { SourceClient } from '../source-client.ts'
import { Access } from './access.ts'
import { FailureMemory } from './failure-memory.ts'
import { newCounters, type CdnStats, type FetchCounters } from './fetch-counters.ts'
import { DEFAULT_CDN_LIMITS, type CdnLimits } from './limits.ts'
import { Freshness } from './freshness.ts'
import { LiveTask } from './live-task.ts'
import { OriginFetch } from './origin-fetch.ts'
import { OriginReader } from './origin-reader.ts'
import { RetrySchedule } from './retry-schedule.ts'
import { separateCredentials, type SeparatedSpec } from './task-record.ts'
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

/** One fetch and who it was started for. */
interface Running {
  readonly asked: SeparatedSpec
  readonly task: LiveTask
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

  constructor(init: CdnInit) {
    this.#init = init
    this.#limits = { ...DEFAULT_CDN_LIMITS, ...init.limits }
    this.#failures = new FailureMemory(this.#limits, init.clock)
    const { clock, store, logger, sources: source } = init
    const asking = { source, clock, limits: this.#limits, signal: this.#stopping.signal }
    this.#access = new Access({ ...asking, counters: this.#counters })
    this.#freshness = new Freshness({ ...asking, store, logger })
  }

  async obtain(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal): Promise<CdnTask> {
    const asked = separateCredentials(spec, credentials)
    for (;;) {
      signal.throwIfAborted()
      this.#stopping.signal.throwIfAborted()
      const shared = this.#running.get(spec.taskId)
      if (shared === undefined) {
        const held = await this.#findHeld(asked)
        if (held !== undefined) return held
        // Another caller may have begun meanwhile.
        if (this.#running.has(spec.taskId)) continue
        this.#failures.rethrow(asked)
      }
      const running = shared ?? this.#start(asked)
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

  async authorize(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal): Promise<void> {
    this.#stopping.signal.throwIfAborted()
    const asked = separateCredentials(spec, credentials)
    const stored = await this.#init.store.open(spec.taskId)
    await this.#access.check(asked.spec, stored?.record, asked.credentials, signal)
  }

  async confirm(taskId: TaskId, credentials: HeaderMap): Promise<boolean> {
    this.#stopping.signal.throwIfAborted()
    const held = await this.#openComplete(taskId)
    if (held === undefined) throw new DamselflyError('TASK_NOT_FOUND', `the CDN does not hold task ${taskId} whole`)
    return await this.#freshness.confirm(held.stored, separateCredentials(held.spec, credentials))
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
    await this.#freshness.check(before.stored, asked)
    const task = await this.#openComplete(asked.spec.taskId)
    await task?.stored.update({ lastUsedAt: this.#init.clock.wallTime() })
    return task
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

  #start(asked: SeparatedSpec): Running {
    const task = new LiveTask(asked.spec, this.#init.clock)
    const running = { asked, task, over: this.#run(asked, task) }
    this.#running.set(asked.spec.taskId, running)
    return running
  }

  async #run(asked: SeparatedSpec, task: LiveTask): Promise<void> {
    const counters = this.#counters
    counters.fetchesStarted++
    counters.fetchesActive++
    try {
      // So that the caller has entered the fetch in the list before it can end.
      await Promise.resolve()
      await this.#fetch(asked, task)
      this.#completed(task)
    } catch (error) {
      this.#failed(task, asked, toDamselflyError(error))
    } finally {
      counters.fetchesActive--
    }
  }

  #completed(task: LiveTask): void {
    const { taskId } = task.spec
    this.#counters.fetchesCompleted++
    this.#running.delete(taskId)
    this.#held.set(taskId, task)
    this.#freshness.remember(task.stored)
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

  async #fetch({ spec, credentials }: SeparatedSpec, task: LiveTask): Promise<void> {
    const { store, sources, clock, logger, random } = this.#init
    const { signal } = this.#stopping
    const onAccess = (): void => this.#access.remember(spec, credentials)
    const reader = new OriginReader({ source: sources, spec, credentials, signal, onAccess })
    const retries = new RetrySchedule({ clock, limits: this.#limits, random: random ?? Math.random, signal })
    logger.info({ taskId: spec.taskId, url: redactUrl(spec.url) }, 'fetching from the origin')
    const fetch = new OriginFetch({ spec, task, reader, store, retries, clock, logger, counters: this.#counters, connections: this.#limits.connectionsPerContent, signal })
    await fetch.run()
  }
}
