import type { Clock, TaskId } from '@damselfly/shared'
import type { IndexChange } from './index-writer.ts'
import type { TaskRecord, TaskSelection, TaskSummary } from './piece-store.ts'
import { putState, type IndexedTask } from './store-index.ts'
import { firstTasks, summaryOf } from './table/first-tasks.ts'
import type { TaskTable } from './table/task-table.ts'
import type { TaskState } from './task-state.ts'

/** How long a change that may be lost waits for others to be written with it; milliseconds. */
const FLUSH_DELAY_MS = 30_000

/** What is known of all tasks in memory, and which states the index does not have yet. */
export class TaskLedger {
  readonly #table: TaskTable
  readonly #clock: Clock
  readonly #flush: () => void
  readonly #unsaved = new Set<TaskId>()
  #cancelFlush: (() => void) | undefined

  /** @param flush is called some time after a state was changed by `touch`. */
  constructor(table: TaskTable, clock: Clock, flush: () => void) {
    this.#table = table
    this.#clock = clock
    this.#flush = flush
  }

  /** Bytes of verified pieces of all tasks. */
  get usedBytes(): number {
    return this.#table.verifiedBytes
  }

  get count(): number {
    return this.#table.count
  }

  has(taskId: TaskId): boolean {
    return this.#table.has(taskId)
  }

  summary(taskId: TaskId): TaskSummary | undefined {
    const task = this.#table.get(taskId)
    return task === undefined ? undefined : summaryOf(task)
  }

  /** As it is with what is known of its use by now. @throws RangeError when there is no such task */
  current(record: TaskRecord): TaskRecord {
    const { uses: _, ...rest } = record
    const { lastUsedAt, uses } = this.state(record.taskId)
    return { ...rest, lastUsedAt, ...(uses !== undefined && { uses }) }
  }

  /** @throws RangeError when there is no such task */
  state(taskId: TaskId): TaskState {
    return this.#table.state(taskId)
  }

  summaries(): readonly TaskSummary[] {
    const found: TaskSummary[] = []
    for (let row = 0; row < this.#table.length; row++) {
      const task = this.#table.at(row)
      if (task !== undefined) found.push(summaryOf(task))
    }
    return found
  }

  first(selection: TaskSelection): readonly TaskSummary[] {
    return firstTasks(this.#table, selection)
  }

  add({ record, state }: IndexedTask): void {
    this.#table.put(record, state)
  }

  remove(taskId: TaskId): void {
    this.#table.remove(taskId)
    this.#unsaved.delete(taskId)
  }

  setRecord(record: TaskRecord): void {
    this.#table.setRecord(record)
  }

  /** Changes a state; the index gets it with the next flush. */
  touch(taskId: TaskId, change: Partial<TaskState>): void {
    this.#table.setState(taskId, { ...this.state(taskId), ...change })
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
}
