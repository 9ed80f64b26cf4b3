import { DamselflyError, type PieceRange } from '@damselfly/shared'
import { BaseStoredTask, type BegunPiece } from './base-stored-task.ts'
import type { TaskRecord, TaskRecordChange } from './piece-store.ts'
import { isLasting } from './record-change.ts'
import { TaskEntries } from './task-entries.ts'
import type { TaskFile } from './task-file.ts'
import { TaskPieces } from './task-pieces.ts'
import type { TaskServices } from './task-services.ts'
import { TaskTrust } from './task-trust.ts'

export interface LocalStoredTaskInit {
  readonly record: TaskRecord
  /** Whether the index has nothing of it. */
  readonly isNew: boolean
  readonly file: TaskFile
  readonly services: TaskServices
  /** Is told whether something that the task was asked for is still to happen. */
  readonly setHeld: (isHeld: boolean) => void
}

/** A task of the local store. The store creates it and decides when it closes. */
export class LocalStoredTask extends BaseStoredTask<TaskPieces> {
  readonly #file: TaskFile
  readonly #services: TaskServices
  readonly #entries: TaskEntries
  readonly #trust: TaskTrust
  /** Without what the ledger knows better. */
  #record: TaskRecord

  constructor({ record, isNew, file, services, setHeld }: LocalStoredTaskInit) {
    const { taskId } = record
    const entries = new TaskEntries(services, () => this.#record, isNew)
    const pieces = new TaskPieces(record, entries, services)
    super({ taskId, pieces, logger: services.logger, setHeld })
    this.#record = record
    this.#entries = entries
    this.#file = file
    this.#services = services
    this.#trust = new TaskTrust(taskId, file, pieces, services)
  }

  /** Keeps it even if it never has a piece. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  keep(): Promise<void> {
    return this.#entries.require()
  }

  /** Reads what the index knows of a task that existed before. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  async load(): Promise<void> {
    await this.pieces.load()
    await this.#trust.establish()
  }

  get path(): string {
    return this.#file.path
  }

  async read(index: number, offset: number, target: Uint8Array): Promise<void> {
    const position = this.#position(index, offset, target.length)
    await this.inFlight.run(() => this.#read(index, position, target))
  }

  readNow(index: number, offset: number, target: Uint8Array): boolean {
    const position = this.#position(index, offset, target.length)
    return this.#trust.beforeRead() === undefined && this.#file.readNow(target, position)
  }

  look(): Promise<void> {
    return this.inFlight.run(() => this.#trust.look())
  }

  protected get storedRecord(): TaskRecord {
    return this.#services.ledger.current(this.#record)
  }

  protected async change(change: TaskRecordChange, record: TaskRecord, isRecut: boolean): Promise<void> {
    const { ledger } = this.#services
    this.#record = record
    ledger.setRecord(record)
    const { lastUsedAt, uses } = change
    if (lastUsedAt !== undefined) ledger.touch(this.taskId, { lastUsedAt })
    if (uses !== undefined) ledger.touch(this.taskId, { uses })
    if (isRecut) {
      await this.relayout(record)
    } else if (isLasting(change)) {
      await this.#entries.writeRecord()
      this.#describe()
    }
  }

  protected begin({ index, offset, length }: PieceRange): BegunPiece {
    this.#trust.expectWrites()
    return {
      bytes: this.#services.writing.begin(this.#file, offset, length),
      record: (written, digest) => this.pieces.record(index, written, digest),
    }
  }

  protected checkPiece(index: number): Promise<boolean> {
    return this.#trust.check(index)
  }

  protected async completed(): Promise<void> {
    await this.#trust.stamp()
    this.#describe()
  }

  protected override async relayout(record: TaskRecord): Promise<void> {
    await super.relayout(record)
    const { layout } = this
    if (layout === undefined) return
    // What writers of pieces past the end have under way must not make the file longer again.
    await this.settleWrites()
    this.#trust.expectWrites()
    await this.#file.truncate(layout.contentLength)
    if (this.pieces.isComplete) await this.completed()
  }

  /** Where bytes of a piece that is here lie in the file. */
  #position(index: number, offset: number, length: number): number {
    return this.requireBytes(index, offset, length).offset + offset
  }

  async #read(index: number, position: number, target: Uint8Array): Promise<void> {
    const looked = this.#trust.beforeRead()
    if (looked !== undefined) {
      await looked
      this.requirePiece(index)
    }
    if ((await this.#file.read(target, position)) === target.length) return
    // Somebody cut the file short between two looks at it.
    await this.#trust.look()
    this.requirePiece(index)
    throw new DamselflyError('DISK_FAILED', `cannot read ${this.path}: it ended within piece ${index}`)
  }

  /** Beside the file, for the day when the index is lost. */
  #describe(): void {
    if (!this.pieces.isComplete) return
    this.#services.sidecars?.changed(this.#file.path, () => {
      // A store that stops writes it when the task is closed.
      if (!this.pieces.isComplete) return undefined
      return { record: this.record, digests: Array.from(this.pieces.recorded(), ({ digest }) => digest) }
    })
  }
}
