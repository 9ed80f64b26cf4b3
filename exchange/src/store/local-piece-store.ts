import { DamselflyError, type TaskId } from '@damselfly/shared'
import type { PieceStore, StoredTask, TaskRecord } from './piece-store.ts'
import { RunningStore, type LocalPieceStoreInit } from './running-store.ts'

export type { LocalPieceStoreInit }

/**
 * The piece store on the local disk:
 *
 * ```
 * <directory>/index/           level: records, states, piece digests
 * <directory>/tasks/ab/ab12…   the sparse file of task ab12…
 * ```
 */
export function createLocalPieceStore(init: LocalPieceStoreInit): PieceStore {
  return new LocalPieceStore(init)
}

class LocalPieceStore implements PieceStore {
  readonly #init: LocalPieceStoreInit
  #starting: Promise<RunningStore> | undefined
  #running: RunningStore | undefined

  constructor(init: LocalPieceStoreInit) {
    this.#init = init
  }

  get usedBytes(): number {
    return this.#store.usedBytes
  }

  async start(): Promise<void> {
    this.#starting ??= RunningStore.start(this.#init)
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

  list(): readonly TaskRecord[] {
    return this.#store.list()
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

  get #store(): RunningStore {
    if (this.#running === undefined) throw new DamselflyError('INTERNAL', 'the piece store is not running')
    return this.#running
  }
}
