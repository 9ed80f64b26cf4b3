import { DamselflyError, type TaskId } from '@damselfly/shared'
import type { PieceStore, TaskRecord } from '../piece-store.ts'

/** Tasks that people want to stay. A pin is for the task, whatever version of its content is here. */
export class Pins {
  readonly #store: Pick<PieceStore, 'first' | 'open'>
  readonly #pinned = new Set<TaskId>()

  constructor(store: Pick<PieceStore, 'first' | 'open'>) {
    this.#store = store
  }

  /** Reads what the started store knows of them. */
  load(): void {
    const pinned = this.#store.first({ ranks: [], limit: Number.POSITIVE_INFINITY, matches: (task) => task.pinned })
    for (const { taskId } of pinned) this.#pinned.add(taskId)
  }

  /** @throws DamselflyError TASK_NOT_FOUND; as the disk fails */
  async set(taskId: TaskId, isPinned: boolean): Promise<void> {
    const stored = await this.#store.open(taskId)
    if (stored === undefined) throw new DamselflyError('TASK_NOT_FOUND', `nothing of task ${taskId} is kept here`)
    if (isPinned) this.#pinned.add(taskId)
    else this.#pinned.delete(taskId)
    await stored.update({ pinned: isPinned })
  }

  /** The record of a new version. */
  applyTo(record: TaskRecord): TaskRecord {
    return this.#pinned.has(record.taskId) ? { ...record, pinned: true } : record
  }
}

/** @throws DamselflyError TASK_PINNED */
export function requireUnpinned({ taskId, pinned }: Pick<TaskRecord, 'taskId' | 'pinned'>): void {
  if (pinned) throw new DamselflyError('TASK_PINNED', `task ${taskId} is pinned`)
}
