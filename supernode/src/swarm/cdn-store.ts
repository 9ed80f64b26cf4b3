import { createStorage, type Storage, type StorageSettings } from '@damselfly/cdn'
import { Collector, Pins, Scrubber, requireUnpinned, withCollector, type PieceStore, type ScrubSettings, type SpaceLimits, type TaskRecord } from '@damselfly/exchange'
import { DamselflyError, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { readMetrics, type Registry } from '@damselfly/shared/metrics'
import { DiskShares } from './disk-shares.ts'
import { SharedDisk } from './shared-disk.ts'
import type { TaskRegistry } from './task-registry.ts'

/** What is known once peers may come. */
export interface CdnStoreUse {
  readonly tasks: Pick<TaskRegistry, 'isWanted' | 'get'>
  /** Whether several peers are connected. */
  readonly isShared: () => boolean
  /** Brings the pieces that the scrub found to be damaged; must not throw. */
  readonly fetchAgain: (record: TaskRecord) => void
}

export interface CdnStoreInit {
  readonly directory: string
  readonly storage: StorageSettings
  readonly limits: SpaceLimits
  /** The part of it that one peer's own contents may take when room is short; 0 to 1. */
  readonly diskPerPeer: number
  readonly scrub: ScrubSettings
  /** Where it is written down how far the scrub has come. */
  readonly scrubStateFile: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Where the CDN keeps contents, and what makes room there: never by deleting what a child still waits for. */
export class CdnStore {
  readonly pieces: PieceStore
  readonly collector: Collector
  readonly scrubber: Scrubber
  readonly shares: DiskShares
  readonly #disk: SharedDisk
  readonly #pins: Pins
  #use: CdnStoreUse | undefined

  /** Not started. */
  static async create(init: CdnStoreInit): Promise<CdnStore> {
    const { storage: settings, directory, clock, logger } = init
    return new CdnStore(init, await createStorage({ settings, directory, clock, logger }))
  }

  private constructor({ limits, diskPerPeer, scrub, scrubStateFile, clock, logger }: CdnStoreInit, { pieces: store, space }: Storage) {
    this.shares = new DiskShares(diskPerPeer)
    this.collector = new Collector({
      store,
      uses: {
        isWanted: (taskId) => this.#use?.tasks.isWanted(taskId) ?? true,
        lastUsedAt: (taskId) => this.#use?.tasks.get(taskId)?.lastUsedAt,
        first: () => this.#disk.victims(),
        evict: (taskId) => this.#evict(store, taskId),
      },
      limits,
      disk: space,
      clock,
      logger,
    })
    this.#pins = new Pins(store)
    this.#disk = new SharedDisk({
      shares: this.shares,
      limits,
      space: this.collector.space,
      isShared: () => this.#use?.isShared() ?? true,
      evict: (taskId) => this.evict(taskId),
    })
    const disk = this.#disk
    this.pieces = withCollector(store, this.collector, this.#pins, { refusesUnfit: true, beforeCreate: (record) => disk.makeRoom(record) })
    this.scrubber = new Scrubber({
      store,
      settings: scrub,
      stateFile: scrubStateFile,
      onDamage: (record) => this.#damaged(record),
      clock,
      logger,
    })
  }

  /** Until it is known who uses what, everything is wanted, by many. */
  usedBy(use: CdnStoreUse): void {
    this.#use = use
  }

  /** Shows what is kept and what was deleted. */
  expose(registry: Registry): void {
    const { pieces, collector, scrubber } = this
    const { gauge, counter } = readMetrics(registry)
    gauge('damselfly_cdn_used_bytes', 'Bytes of verified pieces on disk', () => pieces.usedBytes)
    counter('damselfly_cdn_evicted_tasks_total', 'Contents deleted to make room on the disk', () => collector.totals.evictedTasks)
    counter('damselfly_cdn_evicted_bytes_total', 'Bytes of contents deleted to make room on the disk', () => collector.totals.evictedBytes)
    counter('damselfly_cdn_disk_share_evicted_tasks_total', 'Contents deleted for others of the one peer that asked for them, which had more than its share', () => this.#disk.evicted)
    counter('damselfly_cdn_disk_share_refused_total', 'Contents not fetched since the disk was full and their peer had more than its share', () => this.#disk.refused)
    counter('damselfly_cdn_scrubbed_bytes_total', 'Bytes of contents that were compared with their digests again', () => scrubber.status().totals.bytes)
    counter('damselfly_cdn_damaged_pieces_total', 'Pieces that the scrub found to be damaged', () => scrubber.status().totals.damaged)
  }

  #damaged(record: TaskRecord): void {
    // Nobody is to be sent here for what is not here.
    this.#use?.tasks.get(record.taskId)?.source.refresh()
    this.#use?.fetchAgain(record)
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
    if (this.#use?.tasks.isWanted(taskId) === true) throw new DamselflyError('TASK_BUSY', `task ${taskId} is being fetched or downloaded`)
    await this.#evict(this.pieces, taskId)
  }

  async #evict(store: PieceStore, taskId: TaskId): Promise<void> {
    await store.delete(taskId)
    this.shares.forget(taskId)
    this.#use?.tasks.get(taskId)?.source.refresh()
  }
}
