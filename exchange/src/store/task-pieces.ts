import {
  DamselflyError,
  MAX_PIECES,
  PieceLayout,
  type Bitset,
  type PieceRange,
  type Sha256,
  type TaskId,
} from '@damselfly/shared'
import type { RecordedPiece } from './piece-checker.ts'
import { PieceTable } from './piece-table.ts'
import type { TaskRecord } from './piece-store.ts'
import { deletePiece, putPiece, putRecord } from './store-index.ts'
import type { TaskServices } from './task-services.ts'

/** Which pieces of one task are here, in memory and in the index alike. */
export class TaskPieces {
  readonly #taskId: TaskId
  readonly #services: TaskServices
  readonly #table = new PieceTable()
  #pieceSize: number
  #layout: PieceLayout | undefined

  constructor(record: TaskRecord, services: TaskServices) {
    this.#taskId = record.taskId
    this.#services = services
    this.#pieceSize = record.pieceSize
    this.#layout = layoutOf(record)
  }

  get layout(): PieceLayout | undefined {
    return this.#layout
  }

  get count(): number {
    return this.#table.count
  }

  /** Bytes. */
  get verifiedBytes(): number {
    const last = (this.#layout?.pieceCount ?? 0) - 1
    const missing = this.has(last) ? this.#pieceSize - this.lengthOf(last) : 0
    return this.#table.count * this.#pieceSize - missing
  }

  get isComplete(): boolean {
    return this.#table.count === this.#layout?.pieceCount
  }

  has(index: number): boolean {
    return this.#table.has(index)
  }

  have(): Bitset {
    return this.#table.toBitset(this.#layout?.pieceCount)
  }

  digest(index: number): Sha256 | undefined {
    return this.#table.digest(index)
  }

  /** While the content length is unknown, every piece is a full one. @throws RangeError when there is no such piece */
  range(index: number): PieceRange {
    if (this.#layout !== undefined) return this.#layout.piece(index)
    if (!Number.isInteger(index) || index < 0 || index >= MAX_PIECES) throw new RangeError(`there is no piece ${index}`)
    return { index, offset: index * this.#pieceSize, length: this.#pieceSize }
  }

  /** Bytes; 0 when the content has no such piece. */
  lengthOf(index: number): number {
    return index < this.#maxCount ? this.range(index).length : 0
  }

  *recorded(): Generator<RecordedPiece> {
    for (const index of this.#table.members()) {
      yield { ...this.range(index), digest: this.#table.digest(index) as Sha256 }
    }
  }

  recordedPiece(index: number): RecordedPiece | undefined {
    const digest = this.#table.digest(index)
    return digest === undefined ? undefined : { ...this.range(index), digest }
  }

  /** Takes over what the index knows, except for pieces that the content does not have. */
  async load(): Promise<void> {
    const misfits: number[] = []
    for (const [index, digest] of await this.#services.index.pieces(this.#taskId)) {
      if (index < this.#maxCount) this.#table.set(index, digest)
      else misfits.push(index)
    }
    await this.#services.index.write(misfits.map((index) => deletePiece(this.#taskId, index)))
    this.#count()
  }

  /**
   * Records a piece, in the index first.
   *
   * @param length the bytes that were verified.
   * @throws DamselflyError PIECE_CORRUPT when the content turned out shorter meanwhile; DISK_FULL, DISK_FAILED
   */
  async record(index: number, length: number, digest: Sha256): Promise<void> {
    await this.#services.index.write([putPiece(this.#taskId, index, digest)])
    if (this.lengthOf(index) !== length) {
      await this.#services.index.write([deletePiece(this.#taskId, index)])
      throw new DamselflyError('PIECE_CORRUPT', `piece ${index} has another length than the content turned out to give it`)
    }
    this.#table.set(index, digest)
    this.#count()
  }

  /** From here on the pieces are not here; the index forgets them too. @throws DamselflyError DISK_FULL, DISK_FAILED */
  async forget(indexes: readonly number[]): Promise<void> {
    for (const index of indexes) this.#table.delete(index)
    this.#count()
    await this.#services.index.write(indexes.map((index) => deletePiece(this.#taskId, index)))
  }

  /**
   * Writes a record in which the content length or the piece size became known; pieces
   * that do not fit are forgotten with it.
   */
  async relayout(record: TaskRecord): Promise<void> {
    const before = this.#layout
    const recorded = [...this.#table.members()].map((index) => this.range(index))
    this.#pieceSize = record.pieceSize
    this.#layout = before ?? layoutOf(record)
    const misfits = recorded.filter((piece) => this.lengthOf(piece.index) !== piece.length).map((piece) => piece.index)
    for (const index of misfits) this.#table.delete(index)
    this.#count()
    await this.#services.index.write([
      putRecord(record),
      ...misfits.map((index) => deletePiece(this.#taskId, index)),
    ])
  }

  get #maxCount(): number {
    return this.#layout?.pieceCount ?? MAX_PIECES
  }

  #count(): void {
    const { verifiedBytes } = this
    if (verifiedBytes === this.#services.ledger.state(this.#taskId).verifiedBytes) return
    this.#services.ledger.touch(this.#taskId, { verifiedBytes })
  }
}

/** @throws RangeError when the piece size or the length is not possible */
export function layoutOf(record: TaskRecord): PieceLayout | undefined {
  const layout = new PieceLayout(record.contentLength ?? 0, record.pieceSize)
  return record.contentLength === undefined ? undefined : layout
}
