import {
  DamselflyError,
  messageOf,
  type Bitset,
  type PieceLayout,
  type Sha256,
  type TaskId,
} from '@damselfly/shared'
import { InFlight } from './in-flight.ts'
import { LocalPieceWriter, type ClaimedPiece } from './local-piece-writer.ts'
import type { PieceWriter, StoredTask, TaskRecord, TaskRecordChange } from './piece-store.ts'
import { PieceListeners, type PieceListener } from './piece-listeners.ts'
import { PieceWaiters } from './piece-waiters.ts'
import { changedRecord } from './record-change.ts'
import { writeSidecar } from './sidecar.ts'
import type { TaskFile } from './task-file.ts'
import { TaskPieces } from './task-pieces.ts'
import type { TaskServices } from './task-services.ts'
import { TaskTrust } from './task-trust.ts'

/** A task of the local store. The store creates it and decides when it closes. */
export class LocalStoredTask implements StoredTask {
  readonly #taskId: TaskId
  readonly #file: TaskFile
  readonly #services: TaskServices
  readonly #pieces: TaskPieces
  readonly #trust: TaskTrust
  readonly #claims = new Map<number, LocalPieceWriter>()
  readonly #waiters = new PieceWaiters()
  readonly #listeners: PieceListeners
  readonly #inFlight = new InFlight()
  readonly #setHeld: (isHeld: boolean) => void
  #uses = 0
  #holds = 0
  #closed: { readonly reason: DamselflyError; readonly record: TaskRecord } | undefined

  /** @param setHeld is told whether something that the task was asked for is still to happen. */
  constructor(taskId: TaskId, file: TaskFile, services: TaskServices, setHeld: (isHeld: boolean) => void) {
    this.#taskId = taskId
    this.#file = file
    this.#services = services
    this.#setHeld = setHeld
    this.#listeners = new PieceListeners(services.logger)
    this.#pieces = new TaskPieces(services.ledger.record(taskId), services)
    this.#trust = new TaskTrust(taskId, file, this.#pieces, services)
  }

  /** Reads what the index knows of a task that existed before. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  async load(): Promise<void> {
    await this.#pieces.load()
    await this.#trust.establish()
  }

  get record(): TaskRecord {
    return this.#closed?.record ?? this.#services.ledger.record(this.#taskId)
  }

  get path(): string {
    return this.#file.path
  }

  get layout(): PieceLayout | undefined {
    return this.#pieces.layout
  }

  get isComplete(): boolean {
    return this.#closed === undefined && this.#pieces.isComplete
  }

  get verifiedBytes(): number {
    return this.#pieces.verifiedBytes
  }

  /** Whether the task is in use or being written. */
  get isBusy(): boolean {
    return this.#uses > 0 || this.#claims.size > 0
  }

  has(index: number): boolean {
    return this.#pieces.has(index)
  }

  have(): Bitset {
    return this.#pieces.have()
  }

  digest(index: number): Sha256 | undefined {
    return this.#pieces.digest(index)
  }

  update(change: TaskRecordChange): Promise<void> {
    return this.#inFlight.run(async () => {
      this.#requireOpen()
      const before = this.record
      const record = changedRecord(before, change, this.#pieces.count > 0 || this.#claims.size > 0)
      const { ledger, index } = this.#services
      ledger.setRecord(record)
      const { lastUsedAt, uses } = change
      if (lastUsedAt !== undefined) ledger.touch(this.#taskId, { lastUsedAt })
      if (uses !== undefined) ledger.touch(this.#taskId, { uses })
      if (record.contentLength !== before.contentLength || record.pieceSize !== before.pieceSize) {
        await this.#relayout(record)
      } else if (Object.keys(change).some((key) => key !== 'lastUsedAt' && key !== 'uses')) {
        await index.putRecord(record)
        await this.#describe()
      }
    })
  }

  claim(index: number, length: number): PieceWriter | undefined {
    this.#requireOpen()
    const range = this.#pieces.range(index)
    if (length !== range.length) {
      throw new RangeError(`piece ${index} has ${range.length} bytes by what is known of the task, not ${length}`)
    }
    if (this.#pieces.has(index) || this.#claims.has(index)) return undefined
    this.#trust.expectWrites()
    const release = this.#hold()
    const bytes = this.#services.writing.begin(this.#file, range.offset, range.length)
    const piece: ClaimedPiece = {
      index,
      length: () => this.#pieces.lengthOf(index),
      record: (written, digest) => this.#pieces.record(index, written, digest),
      release: () => {
        this.#claims.delete(index)
        release()
      },
      announce: (digest) => this.#inFlight.run(() => this.#announce(index, digest)),
    }
    const writer = new LocalPieceWriter(piece, bytes)
    this.#claims.set(index, writer)
    return writer
  }

  async read(index: number, offset: number, target: Uint8Array): Promise<void> {
    const position = this.#position(index, offset, target.length)
    await this.#inFlight.run(() => this.#read(index, position, target))
  }

  readNow(index: number, offset: number, target: Uint8Array): boolean {
    const position = this.#position(index, offset, target.length)
    return this.#trust.beforeRead() === undefined && this.#file.readNow(target, position)
  }

  async whenAvailable(index: number, signal: AbortSignal): Promise<void> {
    this.#requireOpen()
    if (this.#pieces.has(index)) return
    this.#pieces.range(index)
    const release = this.#hold()
    try {
      await this.#waiters.wait(index, signal)
    } finally {
      release()
    }
  }

  look(): Promise<void> {
    return this.#inFlight.run(() => this.#trust.look())
  }

  check(index: number): Promise<boolean> {
    return this.#inFlight.run(async () => {
      this.#requireOpen()
      return !this.#pieces.has(index) || (await this.#trust.check(index))
    })
  }

  onPiece(listener: PieceListener): () => void {
    return this.#hold(this.#listeners.add(listener))
  }

  use(): () => void {
    this.#uses++
    return this.#hold(() => this.#uses--)
  }

  /** Ends every claim and every wait. Resolves when nothing is being written. */
  async close(reason: DamselflyError): Promise<void> {
    this.#closed ??= { reason, record: this.record }
    this.#waiters.fail(reason)
    await Promise.all([...this.#claims.values()].map((writer) => writer.abort()))
    await this.#inFlight.settled()
  }

  /** Where bytes of a piece that is here lie in the file. */
  #position(index: number, offset: number, length: number): number {
    this.#requirePiece(index)
    const range = this.#pieces.range(index)
    if (!Number.isInteger(offset) || offset < 0 || offset + length > range.length) {
      throw new RangeError(`bytes ${offset}+${length} are not in piece ${index} of ${range.length} bytes`)
    }
    return range.offset + offset
  }

  async #read(index: number, position: number, target: Uint8Array): Promise<void> {
    const looked = this.#trust.beforeRead()
    if (looked !== undefined) {
      await looked
      this.#requirePiece(index)
    }
    if ((await this.#file.read(target, position)) === target.length) return
    // Somebody cut the file short between two looks at it.
    await this.#trust.look()
    this.#requirePiece(index)
    throw new DamselflyError('DISK_FAILED', `cannot read ${this.path}: it ended within piece ${index}`)
  }

  async #relayout(record: TaskRecord): Promise<void> {
    const written = this.#pieces.relayout(record)
    const { layout } = this.#pieces
    if (layout !== undefined) {
      this.#waiters.fail(new RangeError(`there are only ${layout.pieceCount} pieces`), layout.pieceCount)
    }
    await written
    if (layout === undefined) return
    // What writers of pieces past the end have under way must not make the file longer again.
    await Promise.all([...this.#claims.values()].map((writer) => writer.settle()))
    this.#trust.expectWrites()
    await this.#file.truncate(layout.contentLength)
    if (!this.#pieces.isComplete) return
    await this.#trust.stamp()
    await this.#describe()
  }

  async #announce(index: number, digest: Sha256): Promise<void> {
    this.#waiters.announce(index)
    this.#listeners.announce(index, digest)
    if (!this.#pieces.isComplete) return
    await this.#trust.stamp()
    await this.#describe()
  }

  /** Beside the file, for the day when the index is lost. */
  async #describe(): Promise<void> {
    const { keepsSidecars, logger } = this.#services
    if (!keepsSidecars || !this.isComplete) return
    try {
      await writeSidecar(this.#file.path, { record: this.record, digests: Array.from(this.#pieces.recorded(), ({ digest }) => digest) })
    } catch (error) {
      logger.warn({ taskId: this.#taskId, reason: messageOf(error) }, 'what the index has of a task could not be written beside it')
    }
  }

  #hold(onRelease?: () => void): () => void {
    if (this.#holds++ === 0) this.#setHeld(true)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      onRelease?.()
      if (--this.#holds === 0) this.#setHeld(false)
    }
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw this.#closed.reason
  }

  #requirePiece(index: number): void {
    this.#requireOpen()
    if (this.#pieces.has(index)) return
    throw new DamselflyError('TASK_NOT_FOUND', `piece ${index} of task ${this.#taskId} is not here`)
  }
}
