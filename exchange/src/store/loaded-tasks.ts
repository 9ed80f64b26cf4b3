import { LRUCache } from 'lru-cache'
import type { TaskId } from '@damselfly/shared'

/** Tasks whose digests stay in memory although nobody holds them. */
const MAX_IDLE = 1024

/**
 * The tasks that are open. One that nobody holds is let go of in time, so that a store
 * of a million tasks does not keep all their digests in memory; as long as anybody
 * holds one, everybody gets that one.
 */
export class LoadedTasks<T extends object> {
  readonly #tasks = new Map<TaskId, WeakRef<T>>()
  readonly #recent = new LRUCache<TaskId, T>({ max: MAX_IDLE })
  readonly #pinned = new Map<TaskId, T>()
  readonly #gone = new FinalizationRegistry<TaskId>((taskId) => this.#forget(taskId))

  get(taskId: TaskId): T | undefined {
    return this.#recent.get(taskId) ?? this.#tasks.get(taskId)?.deref()
  }

  add(taskId: TaskId, task: T): void {
    this.#tasks.set(taskId, new WeakRef(task))
    this.#recent.set(taskId, task)
    this.#gone.register(task, taskId)
  }

  delete(taskId: TaskId): void {
    this.#tasks.delete(taskId)
    this.#recent.delete(taskId)
    this.#pinned.delete(taskId)
  }

  /** Keeps a task in memory while something that it was asked for is still to happen. */
  pin(taskId: TaskId, task: T): void {
    this.#pinned.set(taskId, task)
  }

  unpin(taskId: TaskId): void {
    this.#pinned.delete(taskId)
  }

  all(): readonly T[] {
    return [...this.#tasks.values()].map((task) => task.deref()).filter((task) => task !== undefined)
  }

  #forget(taskId: TaskId): void {
    // A new object for the same id may be there already.
    if (this.#tasks.get(taskId)?.deref() === undefined) this.#tasks.delete(taskId)
  }
}
