/// <reference types="mocha" />
import type { PieceStore, StoredTask, TaskRecord } from '../piece-store.ts'
import { taskRecord } from './task-fixtures.ts'

/** What the suite needs of one kind of store. */
export interface PieceStoreHarness {
  /** Starts a store on the data of this harness; the one before has been stopped. */
  start(): Promise<PieceStore>
  /** Removes the data. */
  dispose(): Promise<void>
}

/** The store of the test that runs. */
export class StoreUnderTest {
  readonly #createHarness: () => Promise<PieceStoreHarness>
  #harness: PieceStoreHarness | undefined
  #store: PieceStore | undefined

  constructor(createHarness: () => Promise<PieceStoreHarness>) {
    this.#createHarness = createHarness
  }

  get store(): PieceStore {
    if (this.#store === undefined) throw new Error('no store runs')
    return this.#store
  }

  /** A new task in it. */
  create(change: Partial<TaskRecord> = {}): Promise<StoredTask> {
    return this.store.create(taskRecord(change))
  }

  async begin(): Promise<void> {
    this.#harness = await this.#createHarness()
    this.#store = await this.#harness.start()
  }

  /** Stops the store and starts another one on the same data. */
  async restart(): Promise<PieceStore> {
    await this.store.stop()
    this.#store = await this.#harness?.start()
    return this.store
  }

  async end(): Promise<void> {
    await this.#store?.stop()
    await this.#harness?.dispose()
    this.#store = undefined
    this.#harness = undefined
  }
}
