import { createStorage, type Storage, type StorageSettings } from '@damselfly/cdn'
import { Collector, Pins, requireUnpinned, withCollector, type PieceStore, type SpaceLimits } from '@damselfly/exchange'
import { DamselflyError, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { readMetrics, type Registry } from '@damselfly/shared/metrics'
import type { TaskRegistry } from './task-registry.ts'

export interface CdnStoreInit {
  readonly directory: string
  readonly storage: StorageSettings
  readonly limits: SpaceLimits
  readonly clock: Clock
  readonly logger: Logger
}

/** Where the CDN keeps contents, and what makes room there: never by deleting what a child still waits for. */
export class CdnStore {
  readonly pieces: PieceStore
  readonly collector: Collector
  readonly #pins: Pins
  #tasks: TaskRegistry | undefined

  /** Not started. */
  static async create(init: CdnStoreInit): Promise<CdnStore> {
    const { storage: settings, directory, clock, logger } = init
    return new CdnStore(init, await createStorage({ settings, directory, clock, logger }))
  }

  private constructor({ limits, clock, logger }: CdnStoreInit, { pieces: store, space }: Storage) {
    this.collector = new Collector({
      store,
      uses: {
        isWanted: (taskId) => this.#tasks?.isWanted(taskId) ?? true,
        lastUsedAt: (taskId) => this.#tasks?.get(taskId)?.lastUsedAt,
        evict: (taskId) => this.#evict(store, taskId),
      },
      limits,
      disk: space,
      clock,
      logger,
    })
    this.#pins = new Pins(store)
    this.pieces = withCollector(store, this.collector, this.#pins)
  }

  /** Until it is known who uses what, everything is wanted. */
  usedBy(tasks: TaskRegistry): void {
    this.#tasks = tasks
  }

  /** Shows what is kept and what was deleted. */
  expose(registry: Registry): void {
    const { pieces, collector } = this
    const { gauge, counter } = readMetrics(registry)
    gauge('damselfly_cdn_used_bytes', 'Bytes of verified pieces on disk', () => pieces.usedBytes)
    counter('damselfly_cdn_evicted_tasks_total', 'Contents deleted to make room on the disk', () => collector.totals.evictedTasks)
    counter('damselfly_cdn_evicted_bytes_total', 'Bytes of contents deleted to make room on the disk', () => collector.totals.evictedBytes)
  }

  /** @throws DamselflyError TASK_NOT_FOUND */
  pin(taskId: TaskId, isPinned: boolean): Promise<void> {
    return this.#pins.set(taskId, isPinned)
  }

  /** Deletes the CDN's copy. @throws DamselflyError TASK_NOT_FOUND, TASK_BUSY, TASK_PINNED */
  async evict(taskId: TaskId): Promise<void> {
    const stored = await this.pieces.open(taskId)
    if (stored === undefined) throw new DamselflyError('TASK_NOT_FOUND', `the CDN holds nothing of task ${taskId}`)
    requireUnpinned(stored.record)
    if (this.#tasks?.isWanted(taskId) === true) throw new DamselflyError('TASK_BUSY', `task ${taskId} is being fetched or downloaded`)
    await this.#evict(this.pieces, taskId)
  }

  async #evict(store: PieceStore, taskId: TaskId): Promise<void> {
    await store.delete(taskId)
    this.#tasks?.get(taskId)?.source.refresh()
  }
}
