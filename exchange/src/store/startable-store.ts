import { DamselflyError, type TaskId } from '@damselfly/shared'
import type { PieceStore, StoredTask, TaskRecord, TaskSelection, TaskSummary } from './piece-store.ts'

/** A store between start and stop. */
export type RunningPieceStore = Omit<PieceStore, 'start'>

/** A store that is there from the beginning and runs once it is started. */
export function startable(start: () => Promise<RunningPieceStore>): PieceStore {
  return new StartableStore(start)
}

class StartableStore implements PieceStore {
  readonly #start: () => Promise<RunningPieceStore>
  #starting: Promise<RunningPieceStore> | undefined
  #running: RunningPieceStore | undefined

  constructor(start: () => Promise<RunningPieceStore>) {
    this.#start = start
  }

  get usedBytes(): number {
    return this.#store.usedBytes
  }

  async start(): Promise<void> {
    this.#starting ??= this.#start()
    try {
      this.#running = await this.#starting
    } catch (error) {
      this.#starting = undefined
      throw error
    }
  }

  async stop(): Promise<void> {
    const starting = this.#starting
    this.#running = undefined
    await (await starting)?.stop()
    if (this.#starting === starting) this.#starting = undefined
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

  async record(taskId: TaskId): Promise<TaskRecord | undefined> {
    return await this.#store.record(taskId)
  }

  async records(taskIds: readonly TaskId[]): Promise<readonly (TaskRecord | undefined)[]> {
    return await this.#store.records(taskIds)
  }

  verifiedBytes(taskId: TaskId): number {
    return this.#store.verifiedBytes(taskId)
  }

  async diskBytes(taskId: TaskId): Promise<number> {
    return await this.#store.diskBytes(taskId)
  }

  async open(taskId: TaskId): Promise<StoredTask | undefined> {
    return await this.#store.open(taskId)
  }

  async create(record: TaskRecord): Promise<StoredTask> {
    return await this.#store.create(record)
  }

  async delete(taskId: TaskId): Promise<void> {
    await this.#store.delete(taskId)
  }

  get #store(): RunningPieceStore {
    if (this.#running === undefined) throw new DamselflyError('INTERNAL', 'the piece store is not running')
    return this.#running
  }
}
