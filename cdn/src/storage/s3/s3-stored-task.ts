import type { PieceWriter, StoredTask, TaskRecord, TaskRecordChange } from '@damselfly/exchange'
import {
  changedRecord,
  InFlight,
  LocalPieceWriter,
  PieceListeners,
  PieceWaiters,
  type PieceListener,
} from '@damselfly/exchange/store-parts'
import { DamselflyError, type Bitset, type PieceLayout, type Sha256, type TaskId } from '@damselfly/shared'
import { S3Pieces } from './s3-pieces.ts'
import type { S3TaskServices } from './s3-task-services.ts'

/** A task whose pieces are objects of a bucket. The store creates it and decides when it closes. */
export class S3StoredTask implements StoredTask {
  readonly #taskId: TaskId
  readonly #services: S3TaskServices
  readonly #pieces: S3Pieces
  readonly #claims = new Map<number, LocalPieceWriter>()
  readonly #waiters = new PieceWaiters()
  readonly #listeners: PieceListeners
  readonly #inFlight = new InFlight()
  readonly #setHeld: (isHeld: boolean) => void
  #uses = 0
  #holds = 0
  #closed: { readonly reason: DamselflyError; readonly record: TaskRecord } | undefined

  /** @param setHeld is told whether something that the task was asked for is still to happen. */
  constructor(taskId: TaskId, services: S3TaskServices, setHeld: (isHeld: boolean) => void) {
    this.#taskId = taskId
    this.#services = services
    this.#setHeld = setHeld
    this.#listeners = new PieceListeners(services.logger)
    this.#pieces = new S3Pieces(taskId, services)
  }

  /** Learns which pieces the bucket has. @throws DamselflyError STORAGE_* */
  load(): Promise<void> {
    return this.#inFlight.run(() => this.#pieces.load())
  }

  get record(): TaskRecord {
    return this.#closed?.record ?? this.#services.catalogue.get(this.#taskId).record
  }

  /** There is no file. */
  get path(): undefined {
    return undefined
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
      this.#services.catalogue.change(this.#taskId, { record })
      if (record.contentLength !== before.contentLength || record.pieceSize !== before.pieceSize) {
        await this.#relayout(record)
      }
      if (Object.keys(change).some((key) => key !== 'lastUsedAt' && key !== 'uses')) await this.#services.save(this.#taskId)
    })
  }

  claim(index: number, length: number): PieceWriter | undefined {
    this.#requireOpen()
    const range = this.#pieces.range(index)
    if (length !== range.length) {
      throw new RangeError(`piece ${index} has ${range.length} bytes by what is known of the task, not ${length}`)
    }
    if (this.#pieces.has(index) || this.#claims.has(index)) return undefined
    const spooled = this.#services.spool.begin(length)
    const release = this.#hold()
    const writer = new LocalPieceWriter(
      {
        index,
        length: () => this.#pieces.lengthOf(index),
        record: (written, digest) => this.#pieces.record(index, written, digest, spooled),
        release: () => {
          if (this.#claims.delete(index)) spooled.release()
          release()
        },
        announce: (digest) => this.#inFlight.run(() => this.#announce(index, digest)),
      },
      spooled.bytes,
    )
    this.#claims.set(index, writer)
    return writer
  }

  async read(index: number, offset: number, target: Uint8Array): Promise<void> {
    this.#requireBytes(index, offset, target.length)
    const piece = await this.#inFlight.run(() => this.#pieces.fetch(index))
    target.set(piece.subarray(offset, offset + target.length))
  }

  readNow(index: number, offset: number, target: Uint8Array): boolean {
    this.#requireBytes(index, offset, target.length)
    const piece = this.#pieces.hot(index)
    if (piece === undefined) return false
    target.set(piece.subarray(offset, offset + target.length))
    return true
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

  /** Every piece is compared with its digest when it comes from the bucket. */
  look(): Promise<void> {
    return Promise.resolve()
  }

  check(index: number): Promise<boolean> {
    return this.#inFlight.run(async () => {
      this.#requireOpen()
      return !this.#pieces.has(index) || (await this.#pieces.check(index))
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

  async #relayout(record: TaskRecord): Promise<void> {
    const fitting = this.#pieces.relayout(record)
    const { layout } = this.#pieces
    if (layout !== undefined) {
      this.#waiters.fail(new RangeError(`there are only ${layout.pieceCount} pieces`), layout.pieceCount)
    }
    await fitting
  }

  async #announce(index: number, digest: Sha256): Promise<void> {
    this.#waiters.announce(index)
    this.#listeners.announce(index, digest)
    if (this.#pieces.isComplete) await this.#services.save(this.#taskId)
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

  #requireBytes(index: number, offset: number, length: number): void {
    this.#requireOpen()
    if (!this.#pieces.has(index)) {
      throw new DamselflyError('TASK_NOT_FOUND', `piece ${index} of task ${this.#taskId} is not here`)
    }
    const range = this.#pieces.range(index)
    if (Number.isInteger(offset) && offset >= 0 && offset + length <= range.length) return
    throw new RangeError(`bytes ${offset}+${length} are not in piece ${index} of ${range.length} bytes`)
  }
}
