import type { IndexChange } from './index-writer.ts'
import type { TaskRecord } from './piece-store.ts'
import { putRecord, putState } from './store-index.ts'
import type { TaskServices } from './task-services.ts'

/**
 * What the index has of one task. Of a new one it has nothing before the first piece, with which the record comes in one step: after
 * an unclean stop a task without pieces is not worth remembering.
 */
export class TaskEntries {
  readonly #services: Pick<TaskServices, 'index' | 'ledger'>
  readonly #record: () => TaskRecord
  #hasRecord: boolean

  /** @param record as it is now @param isNew whether the index has nothing of it */
  constructor(services: Pick<TaskServices, 'index' | 'ledger'>, record: () => TaskRecord, isNew: boolean) {
    this.#services = services
    this.#record = record
    this.#hasRecord = !isNew
  }

  /** Writes the record if it is not there. @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
  async require(): Promise<void> {
    if (!this.#hasRecord) await this.writeRecord()
  }

  /** Writes changes of its pieces. @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
  async write(changes: readonly IndexChange[]): Promise<void> {
    if (changes.length === 0) return
    if (this.#hasRecord) await this.#services.index.write(changes)
    else await this.writeRecord(changes)
  }

  /** Writes the record as it is now, and changes with it. @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
  async writeRecord(changes: readonly IndexChange[] = []): Promise<void> {
    const { index, ledger } = this.#services
    const record = this.#record()
    const state = this.#hasRecord ? [] : [putState(record.taskId, ledger.state(record.taskId))]
    await index.write([putRecord(record), ...state, ...changes])
    this.#hasRecord = true
  }
}
