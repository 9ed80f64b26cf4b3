import type { TaskSummary } from '@damselfly/exchange'
import type { TaskId } from '@damselfly/shared'
import type { TaskMetadata } from './stored-metadata.ts'

interface Entry extends TaskMetadata {
  /** Of the metadata in the bucket when it was read last; '' when this side wrote it last. */
  readonly etag: string
}

/** What is known of all tasks in the bucket, and of which of them the bucket does not know the latest. */
export class TaskCatalogue {
  readonly #entries = new Map<TaskId, Entry>()
  readonly #unsaved = new Set<TaskId>()
  #usedBytes = 0

  /** Bytes of verified pieces. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  has(taskId: TaskId): boolean {
    return this.#entries.has(taskId)
  }

  /** @throws RangeError when there is no such task */
  get(taskId: TaskId): Entry {
    const entry = this.#entries.get(taskId)
    if (entry === undefined) throw new RangeError(`there is no task ${taskId}`)
    return entry
  }

  ids(): IterableIterator<TaskId> {
    return this.#entries.keys()
  }

  get count(): number {
    return this.#entries.size
  }

  summaries(): readonly TaskSummary[] {
    return Array.from(this.#entries.values(), summaryOf)
  }

  summary(taskId: TaskId): TaskSummary | undefined {
    const entry = this.#entries.get(taskId)
    return entry === undefined ? undefined : summaryOf(entry)
  }

  /** The same metadata as in the bucket. */
  put(metadata: TaskMetadata, etag: string): void {
    const { taskId } = metadata.record
    this.#usedBytes += metadata.verifiedBytes - (this.#entries.get(taskId)?.verifiedBytes ?? 0)
    this.#entries.set(taskId, { ...metadata, etag })
  }

  /** The bucket is told later. */
  change(taskId: TaskId, change: Partial<Pick<TaskMetadata, 'record' | 'verifiedBytes'>>): void {
    this.put({ ...this.get(taskId), ...change }, '')
    this.#unsaved.add(taskId)
  }

  remove(taskId: TaskId): void {
    this.#usedBytes -= this.#entries.get(taskId)?.verifiedBytes ?? 0
    this.#entries.delete(taskId)
    this.#unsaved.delete(taskId)
  }

  saved(taskId: TaskId): void {
    this.#unsaved.delete(taskId)
  }

  /** Whether the bucket does not know the latest. */
  isUnsaved(taskId: TaskId): boolean {
    return this.#unsaved.has(taskId)
  }

  takeUnsaved(): readonly TaskId[] {
    const taken = [...this.#unsaved]
    this.#unsaved.clear()
    return taken
  }
}

function summaryOf({ record, verifiedBytes }: Entry): TaskSummary {
  const { taskId, tag, application, contentLength, pieceSize, isPrivate, pinned, createdAt, lastUsedAt, uses } = record
  return { taskId, tag, application, contentLength, pieceSize, isPrivate, pinned, createdAt, lastUsedAt, uses, verifiedBytes }
}
