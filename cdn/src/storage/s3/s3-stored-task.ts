import type { TaskRecord, TaskRecordChange } from '@damselfly/exchange'
import { BaseStoredTask, isLasting, type BegunPiece } from '@damselfly/exchange/store-parts'
import { DamselflyError, type PieceRange, type TaskId } from '@damselfly/shared'
import { S3Pieces } from './s3-pieces.ts'
import type { S3TaskServices } from './s3-task-services.ts'

/** A task whose pieces are objects of a bucket. The store creates it and decides when it closes. */
export class S3StoredTask extends BaseStoredTask<S3Pieces> {
  readonly #services: S3TaskServices

  /** @param setHeld is told whether something that the task was asked for is still to happen. */
  constructor(taskId: TaskId, services: S3TaskServices, setHeld: (isHeld: boolean) => void) {
    super({ taskId, pieces: new S3Pieces(taskId, services), logger: services.logger, setHeld })
    this.#services = services
  }

  /** Learns which pieces the bucket has. @throws DamselflyError STORAGE_* */
  load(): Promise<void> {
    return this.inFlight.run(() => this.pieces.load())
  }

  /** There is no file. */
  get path(): undefined {
    return undefined
  }

  async read(index: number, offset: number, target: Uint8Array): Promise<void> {
    this.requireBytes(index, offset, target.length)
    this.#copy(await this.inFlight.run(() => this.pieces.fetch(index)), index, offset, target)
  }

  readNow(index: number, offset: number, target: Uint8Array): boolean {
    this.requireBytes(index, offset, target.length)
    const piece = this.pieces.hot(index)
    if (piece === undefined) return false
    this.#copy(piece, index, offset, target)
    return true
  }

  #copy(piece: Buffer, index: number, offset: number, target: Uint8Array): void {
    const end = offset + target.length
    if (piece.length < end) throw new DamselflyError('INTERNAL', `piece ${index} of task ${this.taskId} is not in memory any more`)
    target.set(piece.subarray(offset, end))
    if (end === piece.length && this.pieces.has(index)) this.pieces.readToEnd(index)
  }

  /** Every piece is compared with its digest when it comes from the bucket. */
  look(): Promise<void> {
    return Promise.resolve()
  }

  protected get storedRecord(): TaskRecord {
    return this.#services.catalogue.get(this.taskId).record
  }

  protected async change(change: TaskRecordChange, record: TaskRecord, isRecut: boolean): Promise<void> {
    this.#services.catalogue.change(this.taskId, { record })
    if (isRecut) await this.relayout(record)
    if (isLasting(change)) await this.#services.save(this.taskId)
  }

  protected begin({ index, length }: PieceRange): BegunPiece {
    const spooled = this.#services.spool.begin(length)
    return {
      bytes: spooled.bytes,
      record: (written, digest) => this.pieces.record(index, written, digest, spooled),
      release: () => spooled.release(),
    }
  }

  protected checkPiece(index: number): Promise<boolean> {
    return this.pieces.check(index)
  }

  protected completed(): Promise<void> {
    return this.#services.save(this.taskId)
  }
}
