import { messageOf, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { CdnTask } from '@damselfly/cdn'
import type { PieceStore, TaskRecord, UseCounts } from '@damselfly/exchange'

/** How long counts wait for others before the store is told; milliseconds. A crash costs at most so much. */
const FLUSH_DELAY_MS = 30_000

/** Tasks with counts that the store does not take, since it holds nothing of them. */
const MOST_HOMELESS = 10_000

const NO_USES: UseCounts = { hits: 0, servedBytes: 0, originBytes: 0 }

export interface UseLedgerDeps {
  readonly store: Pick<PieceStore, 'open'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Counts how tasks are used. What is counted is kept with the CDN's copy, written now and then. */
export class UseLedger {
  readonly #deps: UseLedgerDeps
  readonly #counted = new WeakSet<CdnTask>()
  /** What the store does not know yet. */
  readonly #fresh = new Map<TaskId, UseCounts>()
  #cancelFlush: (() => void) | undefined
  #flushing: Promise<void> = Promise.resolve()

  constructor(deps: UseLedgerDeps) {
    this.#deps = deps
  }

  /** Somebody asked for what was here or on its way. */
  hit(taskId: TaskId): void {
    this.#count(taskId, 'hits', 1)
  }

  /** Somebody got so many bytes of it that did not come from the origin. */
  served(taskId: TaskId, bytes: number): void {
    this.#count(taskId, 'servedBytes', bytes)
  }

  /** A fetch is over, whole or not. */
  fetched(task: CdnTask): void {
    if (this.#counted.has(task)) return
    this.#counted.add(task)
    this.#count(task.spec.taskId, 'originBytes', task.originBytes)
  }

  /** All that was counted. @param held what the store has counted; undefined where the CDN holds nothing */
  of(taskId: TaskId, held: Pick<TaskRecord, 'uses'> | undefined): UseCounts {
    return sum(held?.uses ?? NO_USES, this.#fresh.get(taskId) ?? NO_USES)
  }

  /** Tasks with counts that the store does not know yet. */
  fresh(): Iterable<TaskId> {
    return this.#fresh.keys()
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    this.#cancelFlush?.()
    await this.#flush()
  }

  #count(taskId: TaskId, what: keyof UseCounts, amount: number): void {
    if (amount === 0) return
    const before = this.#fresh.get(taskId) ?? NO_USES
    this.#fresh.set(taskId, { ...before, [what]: before[what] + amount })
    this.#cancelFlush ??= this.#deps.clock.after(FLUSH_DELAY_MS, () => void this.#flush())
  }

  #flush(): Promise<void> {
    this.#cancelFlush = undefined
    this.#flushing = this.#flushing.then(() => this.#write())
    return this.#flushing
  }

  async #write(): Promise<void> {
    // What is counted meanwhile waits for the next time.
    const taskIds = Array.from(this.#fresh.keys())
    for (const taskId of taskIds) {
      try {
        const stored = await this.#deps.store.open(taskId)
        const fresh = this.#fresh.get(taskId)
        if (stored === undefined || fresh === undefined) continue
        this.#fresh.delete(taskId)
        await stored.update({ uses: sum(stored.record.uses ?? NO_USES, fresh) })
      } catch (error) {
        this.#deps.logger.warn({ task: taskId, reason: messageOf(error) }, 'how a task was used cannot be kept')
      }
    }
    for (const taskId of [...this.#fresh.keys()].slice(0, -MOST_HOMELESS)) this.#fresh.delete(taskId)
  }
}

function sum(a: UseCounts, b: UseCounts): UseCounts {
  return { hits: a.hits + b.hits, servedBytes: a.servedBytes + b.servedBytes, originBytes: a.originBytes + b.originBytes }
}
