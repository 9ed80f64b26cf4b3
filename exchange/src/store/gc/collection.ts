import type { TaskId } from '@damselfly/shared'
import type { Shortage } from './space.ts'

/** Of a collection that evicts very many, only the first are told by name. */
export const MOST_NAMED = 1000

export interface Evicted {
  readonly taskId: TaskId
  /** Of its verified pieces. */
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly lastUsedAt: number
}

/** How one collection went, or goes. */
export interface Collection {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Whether nothing was done, only said. */
  readonly isDryRun: boolean
  readonly isRunning: boolean
  readonly shortage: Shortage
  /** The first 1000. */
  readonly evicted: readonly Evicted[]
  readonly evictedTasks: number
  /** Bytes of what was evicted. */
  readonly freed: number
  /** Tasks that had to stay though they were idle long enough. */
  readonly kept: { readonly pinned: number; readonly wanted: number; readonly busy: number }
  /** Whether it was enough. */
  readonly isEnough: boolean
}

/** What came of considering one task; kept without a reason is what would give nothing back. */
export type Outcome =
  | { readonly type: 'evicted'; readonly evicted: Evicted; readonly given: number }
  | { readonly type: 'kept'; readonly why: 'wanted' | 'busy' | undefined }

/** Counts what one collection has done so far. */
export class CollectionCount {
  readonly #at: number
  readonly #isDryRun: boolean
  readonly #shortage: Shortage
  readonly #left: { ofQuota: number; ofDisk: number }
  readonly #evicted: Evicted[] = []
  readonly #kept: { pinned: number; wanted: number; busy: number }
  #evictedTasks = 0
  #freed = 0
  #isRunning = true
  #step: PromiseWithResolvers<void> = Promise.withResolvers()

  /** @param at milliseconds since 1970 @param pinned tasks that stay anyway */
  constructor({ at, isDryRun, shortage, pinned }: Pick<Collection, 'at' | 'isDryRun' | 'shortage'> & { readonly pinned: number }) {
    this.#at = at
    this.#isDryRun = isDryRun
    this.#shortage = shortage
    this.#left = { ...shortage }
    this.#kept = { pinned, wanted: 0, busy: 0 }
  }

  /** Bytes that are still to go. */
  get left(): Shortage {
    return this.#left
  }

  get isEnough(): boolean {
    return this.#left.ofQuota <= 0 && this.#left.ofDisk <= 0
  }

  /** Resolves when some more tasks were considered. */
  get nextStep(): Promise<void> {
    return this.#step.promise
  }

  add(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) this.#add(outcome)
    this.#tell()
  }

  end(): void {
    this.#isRunning = false
    this.#tell()
  }

  /** As it is now. */
  get collection(): Collection {
    return {
      at: this.#at,
      isDryRun: this.#isDryRun,
      isRunning: this.#isRunning,
      shortage: this.#shortage,
      evicted: [...this.#evicted],
      evictedTasks: this.#evictedTasks,
      freed: this.#freed,
      kept: { ...this.#kept },
      isEnough: this.isEnough,
    }
  }

  #add(outcome: Outcome): void {
    if (outcome.type === 'kept') {
      if (outcome.why !== undefined) this.#kept[outcome.why]++
      return
    }
    const { evicted, given } = outcome
    this.#left.ofQuota -= evicted.bytes
    this.#left.ofDisk -= given
    this.#evictedTasks++
    this.#freed += evicted.bytes
    if (this.#evicted.length < MOST_NAMED) this.#evicted.push(evicted)
  }

  #tell(): void {
    const { resolve } = this.#step
    this.#step = Promise.withResolvers()
    resolve()
  }
}
