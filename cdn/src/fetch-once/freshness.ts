import type { PieceStore, StoredTask } from '@damselfly/exchange'
import { DamselflyError, messageOf, redactUrl, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { SourceClient } from '../source-client.ts'
import { hasChanged } from '../validators.ts'
import type { CdnLimits } from './limits.ts'
import { createMemory } from './memory.ts'
import type { SeparatedSpec } from './task-record.ts'

export interface FreshnessInit {
  readonly source: SourceClient
  readonly store: PieceStore
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: CdnLimits
  /** Ends the questions that are under way. */
  readonly signal: AbortSignal
}

/** Sees to it that a content that has changed at its origin is not handed out for long. */
export class Freshness {
  readonly #init: FreshnessInit
  readonly #checks

  constructor(init: FreshnessInit) {
    this.#init = init
    this.#checks = createMemory<Promise<void>>(init.limits.memoryEntries, init.limits.freshForMs, init.clock)
  }

  /** The origin has just served all of it. */
  remember(stored: StoredTask): void {
    this.#checks.set(stored.record.taskId, Promise.resolve())
  }

  /**
   * Asks the origin, unless that was done a moment ago, and deletes the content if it is another one now.
   * An origin that does not answer, or not to this caller, leaves it as it is. Never throws.
   */
  check(stored: StoredTask, asked: SeparatedSpec): Promise<void> {
    const { taskId, expectedDigest } = stored.record
    // What is known by its digest cannot change.
    if (expectedDigest !== undefined) return Promise.resolve()
    let check = this.#checks.get(taskId)
    if (check === undefined) this.#checks.set(taskId, (check = this.#check(stored, asked)))
    return check
  }

  /**
   * Asks the origin now, whatever was asked before, and deletes the content if it is another one.
   *
   * @returns whether it is still the same
   * @throws DamselflyError as SourceClient.probe, TIMEOUT, TASK_BUSY while the other one is in use
   */
  async confirm(stored: StoredTask, asked: SeparatedSpec): Promise<boolean> {
    const { taskId, expectedDigest } = stored.record
    if (expectedDigest !== undefined) return true
    if (await this.#isOther(stored, asked)) {
      this.#init.logger.info({ taskId, url: redactUrl(asked.spec.url) }, 'the content changed at the origin')
      await this.#init.store.delete(taskId)
      return false
    }
    this.remember(stored)
    return true
  }

  async #check(stored: StoredTask, asked: SeparatedSpec): Promise<void> {
    try {
      await this.confirm(stored, asked)
    } catch (error) {
      this.#init.logger.info({ taskId: asked.spec.taskId, reason: messageOf(error) }, 'the content stays as it is')
    }
  }

  async #isOther({ record }: StoredTask, { spec, credentials }: SeparatedSpec): Promise<boolean> {
    const { source, clock, limits, signal } = this.#init
    const timeout = new AbortController()
    const late = new DamselflyError('TIMEOUT', 'the origin does not answer in time')
    const cancel = clock.after(limits.freshnessTimeoutMs, () => timeout.abort(late))
    try {
      const headers = new Map([...spec.variantHeaders, ...(record.isPrivate ? credentials : [])])
      const now = await source.probe({ url: spec.url, headers, signal: AbortSignal.any([signal, timeout.signal]) })
      const contentLength = spec.range === undefined ? record.contentLength : undefined
      return hasChanged({ contentLength, acceptsRanges: now.acceptsRanges, validators: record }, now)
    } finally {
      cancel()
    }
  }
}
