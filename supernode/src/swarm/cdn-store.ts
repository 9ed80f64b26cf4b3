import { availableParallelism } from 'node:os'
import { Collector, createLocalPieceStore, diskSpace, withCollector, type PieceStore, type SpaceLimits } from '@damselfly/exchange'
import type { Clock, TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { readMetrics, type Registry } from '@damselfly/shared/metrics'
import type { TaskRegistry } from './task-registry.ts'

export interface CdnStoreInit {
  readonly directory: string
  readonly limits: SpaceLimits
  readonly clock: Clock
  readonly logger: Logger
}

/** Where the CDN keeps contents, and what makes room there: never by deleting what a child still waits for. */
export class CdnStore {
  readonly pieces: PieceStore
  readonly collector: Collector
  #tasks: TaskRegistry | undefined

  constructor({ directory, limits, clock, logger }: CdnStoreInit) {
    const store = createLocalPieceStore({
      directory,
      // This thread has to decide for everybody and to send what is fetched.
      writesInThread: availableParallelism() > 1,
      clock,
      logger,
    })
    this.collector = new Collector({
      store,
      uses: {
        isWanted: (taskId) => this.#tasks?.isWanted(taskId) ?? true,
        lastUsedAt: (taskId) => this.#tasks?.get(taskId)?.lastUsedAt,
        evict: (taskId) => this.#evict(store, taskId),
      },
      limits,
      disk: () => diskSpace(directory),
      clock,
      logger,
    })
    this.pieces = withCollector(store, this.collector)
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

  async #evict(store: PieceStore, taskId: TaskId): Promise<void> {
    await store.delete(taskId)
    this.#tasks?.get(taskId)?.source.refresh()
  }
}
