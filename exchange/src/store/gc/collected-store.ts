import type { TaskId } from '@damselfly/shared'
import type { PieceStore, StoredTask, TaskRecord, TaskSelection, TaskSummary } from '../piece-store.ts'
import type { Collector } from './collector.ts'
import type { Pins } from './pins.ts'

export interface CollectedStoreOptions {
  /** Whether what the disk cannot hold is refused before its first byte (DISK_FULL), and not only where it ends. @default false */
  readonly refusesUnfit?: boolean
  /** Called before a content comes; what it throws is thrown in place of taking it. */
  readonly beforeCreate?: (record: TaskRecord) => Promise<void>
}

/** A store in which there is room before a content comes, as far as its length is known by then, and in which pins last. */
export function withCollector(store: PieceStore, collector: Collector, pins: Pins, options: CollectedStoreOptions = {}): PieceStore {
  return new CollectedStore(store, collector, pins, options)
}

class CollectedStore implements PieceStore {
  readonly #store: PieceStore
  readonly #collector: Collector
  readonly #pins: Pins
  readonly #options: CollectedStoreOptions

  constructor(store: PieceStore, collector: Collector, pins: Pins, options: CollectedStoreOptions) {
    this.#store = store
    this.#collector = collector
    this.#pins = pins
    this.#options = options
  }

  get usedBytes(): number {
    return this.#store.usedBytes
  }

  async start(): Promise<void> {
    await this.#store.start()
    this.#pins.load()
    this.#collector.start()
  }

  async stop(): Promise<void> {
    await this.#collector.stop()
    await this.#store.stop()
  }

  get count(): number {
    return this.#store.count
  }

  list(): readonly TaskSummary[] {
    return this.#store.list()
  }

  first(selection: TaskSelection): readonly TaskSummary[] {
    return this.#store.first(selection)
  }

  summary(taskId: TaskId): TaskSummary | undefined {
    return this.#store.summary(taskId)
  }

  record(taskId: TaskId): Promise<TaskRecord | undefined> {
    return this.#store.record(taskId)
  }

  records(taskIds: readonly TaskId[]): Promise<readonly (TaskRecord | undefined)[]> {
    return this.#store.records(taskIds)
  }

  verifiedBytes(taskId: TaskId): number {
    return this.#store.verifiedBytes(taskId)
  }

  diskBytes(taskId: TaskId): Promise<number> {
    return this.#store.diskBytes(taskId)
  }

  open(taskId: TaskId): Promise<StoredTask | undefined> {
    return this.#store.open(taskId)
  }

  async create(record: TaskRecord): Promise<StoredTask> {
    const { taskId, contentLength = 0 } = record
    const { refusesUnfit = false, beforeCreate } = this.#options
    await beforeCreate?.(record)
    if (refusesUnfit) await this.#collector.requireRoom(taskId, contentLength)
    else await this.#collector.makeRoomFor(taskId, contentLength)
    return this.#store.create(this.#pins.applyTo(record))
  }

  delete(taskId: TaskId): Promise<void> {
    return this.#store.delete(taskId)
  }
}
