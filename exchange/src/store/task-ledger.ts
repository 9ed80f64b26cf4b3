import type { Clock, TaskId } from '@damselfly/shared'
import type { IndexChange } from './index-writer.ts'
import type { TaskRecord } from './piece-store.ts'
import { putState, type IndexedTask } from './store-index.ts'
import type { TaskState } from './task-state.ts'

/** How long a change that may be lost waits for others to be written with it; milliseconds. */
const FLUSH_DELAY_MS = 30_000

interface Entry {
  record: TaskRecord
  state: TaskState
}

/** The records and states of all tasks in memory, and which states the index does not have yet. */
export class TaskLedger {
  readonly #clock: Clock
  readonly #flush: () => void
  readonly #entries = new Map<TaskId, Entry>()
  readonly #unsaved = new Set<TaskId>()
  #usedBytes = 0
  #cancelFlush: (() => void) | undefined

  /** @param flush is called some time after a state was changed by `touch`. */
  constructor(clock: Clock, flush: () => void) {
    this.#clock = clock
    this.#flush = flush
  }

  /** Bytes of verified pieces of all tasks. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  has(taskId: TaskId): boolean {
    return this.#entries.has(taskId)
  }

  /** @throws RangeError when there is no such task */
  record(taskId: TaskId): TaskRecord {
    return this.#entry(taskId).record
  }

  /** @throws RangeError when there is no such task */
  state(taskId: TaskId): TaskState {
    return this.#entry(taskId).state
  }

  records(): readonly TaskRecord[] {
    return Array.from(this.#entries.values(), (entry) => entry.record)
  }

  add(task: IndexedTask): void {
    this.#entries.set(task.taskId, { record: task.record, state: task.state })
    this.#usedBytes += task.state.verifiedBytes
  }

  remove(taskId: TaskId): void {
    this.#usedBytes -= this.#entries.get(taskId)?.state.verifiedBytes ?? 0
    this.#entries.delete(taskId)
    this.#unsaved.delete(taskId)
  }

  setRecord(record: TaskRecord): void {
    this.#entry(record.taskId).record = record
  }

  /** @returns the change to write to the index, for callers that do not leave it to the next flush. */
  setState(taskId: TaskId, change: Partial<TaskState>): IndexChange {
    const entry = this.#entry(taskId)
    const state = { ...entry.state, ...change }
    this.#usedBytes += state.verifiedBytes - entry.state.verifiedBytes
    entry.state = state
    return putState(taskId, state)
  }

  /** Changes a state; the index gets it with the next flush. */
  touch(taskId: TaskId, change: Partial<TaskState>): void {
    this.setState(taskId, change)
    this.#unsaved.add(taskId)
    this.#cancelFlush ??= this.#clock.after(FLUSH_DELAY_MS, this.#flush)
  }

  /** What the index does not have yet; from here on the caller answers for it. */
  takeUnsaved(): readonly IndexChange[] {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const changes = Array.from(this.#unsaved, (taskId) => putState(taskId, this.state(taskId)))
    this.#unsaved.clear()
    return changes
  }

  #entry(taskId: TaskId): Entry {
    const entry = this.#entries.get(taskId)
    if (entry === undefined) throw new RangeError(`there is no task ${taskId}`)
    return entry
  }
}
