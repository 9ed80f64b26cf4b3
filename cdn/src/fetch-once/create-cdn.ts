import { LRUCache } from 'lru-cache'
import type { PieceStore } from '@damselfly/exchange'
import { DamselflyError, redactUrl, toDamselflyError, type Clock, type HeaderMap, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Cdn, CdnTask, ContentSpec } from '../cdn.ts'
import type { SourceClient } from '../source-client.ts'
import { Access } from './access.ts'
import { FailureMemory } from './failure-memory.ts'
import { newCounters, type CdnStats, type FetchCounters } from './fetch-counters.ts'
import { DEFAULT_CDN_LIMITS, type CdnLimits } from './limits.ts'
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
  /** The task once it can be handed out. */
  readonly opened: Promise<LiveTask>
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

  constructor(init: CdnInit) {
    this.#init = init
    this.#limits = { ...DEFAULT_CDN_LIMITS, ...init.limits }
    this.#failures = new FailureMemory(this.#limits, init.clock)
    this.#access = new Access({
      source: init.sources,
      clock: init.clock,
      limits: this.#limits,
      counters: this.#counters,
      signal: this.#stopping.signal,
    })
  }

  async obtain(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal): Promise<CdnTask> {
    const asked = separateCredentials(spec, credentials)
    for (;;) {
      signal.throwIfAborted()
      this.#stopping.signal.throwIfAborted()
      const shared = this.#running.get(spec.taskId)
      if (shared === undefined) {
        const held = await this.#findHeld(spec.taskId)
        if (held !== undefined) return held
        // Another caller may have begun meanwhile.
        if (this.#running.has(spec.taskId)) continue
        this.#failures.rethrow(asked)
      }
      const running = shared ?? this.#start(asked)
      try {
        return await orAborted(running.opened, signal)
      } catch (error) {
        // What the origin says to one caller's URL and credentials need not hold for another's.
        if (shared === undefined || signal.aborted || !this.#failures.mayDiffer(error, running.asked, asked)) throw error
      }
    }
  }

  get(taskId: TaskId): CdnTask | undefined {
    const running = this.#running.get(taskId)?.task
    return running?.isOpen === true ? running : this.#held.get(taskId)
  }

  async authorize(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal): Promise<void> {
    this.#stopping.signal.throwIfAborted()
    const asked = separateCredentials(spec, credentials)
    const stored = this.get(spec.taskId)?.stored ?? (await this.#init.store.open(spec.taskId))
    await this.#access.check(asked.spec, stored?.record, asked.credentials, signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DamselflyError('CANCELLED', 'the CDN stops'))
    await Promise.all(Array.from(this.#running.values(), (running) => running.over))
  }

  stats(): CdnStats {
    return { ...this.#counters, fetchesFailed: new Map(this.#counters.fetchesFailed) }
  }

  /** A complete task, from memory or from an earlier run of the program. */
  async #findHeld(taskId: TaskId): Promise<LiveTask | undefined> {
    const stored = await this.#init.store.open(taskId)
    const digest = stored?.record.contentDigest
    if (stored === undefined || !stored.isComplete || digest === undefined) {
      this.#held.delete(taskId)
      return undefined
    }
    await stored.update({ lastUsedAt: this.#init.clock.wallTime() })
    const known = this.#held.get(taskId)
    if (known?.stored === stored) return known
    const task = LiveTask.ofComplete(stored, digest, this.#init.clock)
    this.#held.set(taskId, task)
    return task
  }

  #start(asked: SeparatedSpec): Running {
    const { spec } = asked
    const task = new LiveTask(spec, this.#init.clock)
    const opened = Promise.withResolvers<LiveTask>()
    // The fetch may fail when nobody waits for its start any more.
    opened.promise.catch(() => undefined)
    const over = this.#run(asked, task, opened)
    const running = { asked, task, opened: opened.promise, over }
    this.#running.set(spec.taskId, running)
    return running
  }

  async #run(asked: SeparatedSpec, task: LiveTask, opened: PromiseWithResolvers<LiveTask>): Promise<void> {
    const counters = this.#counters
    const { spec } = asked
    counters.fetchesStarted++
    counters.fetchesActive++
    try {
      // So that the caller has entered the fetch in the list before it can end.
      await Promise.resolve()
      const contentDigest = await this.#fetch(asked, task, () => opened.resolve(task))
      counters.fetchesCompleted++
      this.#held.set(spec.taskId, task)
      this.#running.delete(spec.taskId)
      this.#init.logger.info({ taskId: spec.taskId, originBytes: task.originBytes }, 'fetched')
      task.end({ type: 'complete', contentDigest })
    } catch (thrown) {
      const error = toDamselflyError(thrown)
      counters.fetchesFailed.set(error.code, (counters.fetchesFailed.get(error.code) ?? 0) + 1)
      this.#running.delete(spec.taskId)
      this.#failures.remember(error, asked)
      this.#init.logger.warn({ taskId: spec.taskId, code: error.code, reason: error.message }, 'fetch failed')
      opened.reject(error)
      task.end({ type: 'failed', error })
    } finally {
      counters.fetchesActive--
    }
  }

  #fetch({ spec, credentials }: SeparatedSpec, task: LiveTask, onOpen: () => void): Promise<Uint8Array> {
    const { store, sources, clock, logger, random } = this.#init
    const { signal } = this.#stopping
    const reader = new OriginReader(sources, spec, credentials, signal)
    const retries = new RetrySchedule({ clock, limits: this.#limits, random: random ?? Math.random, signal })
    logger.info({ taskId: spec.taskId, url: redactUrl(spec.url) }, 'fetching from the origin')
    const openAndRemember = (): void => {
      if (reader.needsCredentials) this.#access.remember(spec, credentials)
      onOpen()
    }
    const fetch = new OriginFetch({
      spec,
      task,
      reader,
      store,
      retries,
      clock,
      logger,
      counters: this.#counters,
      signal,
      onOpen: openAndRemember,
    })
    return fetch.run()
  }
}
