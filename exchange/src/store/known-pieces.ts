import { MAX_PIECES, PieceLayout, type Bitset, type PieceRange, type Sha256 } from '@damselfly/shared'
import type { RecordedPiece } from './piece-checker.ts'
import type { TaskRecord } from './piece-store.ts'
import { PieceTable } from './piece-table.ts'

/** Which pieces of one task are here, and how its content is cut as far as that is known. */
export class KnownPieces {
  readonly #table = new PieceTable()
  #pieceSize: number
  #layout: PieceLayout | undefined

  /** @throws RangeError when the piece size or the length is not possible */
  constructor(record: TaskRecord) {
    this.#pieceSize = record.pieceSize
    this.#layout = layoutOf(record)
  }

  get layout(): PieceLayout | undefined {
    return this.#layout
  }

  get count(): number {
    return this.#table.count
  }

  get isComplete(): boolean {
    return this.#table.count === this.#layout?.pieceCount
  }

  /** Bytes. */
  get verifiedBytes(): number {
    const last = (this.#layout?.pieceCount ?? 0) - 1
    const missing = this.has(last) ? this.#pieceSize - this.lengthOf(last) : 0
    return this.#table.count * this.#pieceSize - missing
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
    return index < (this.#layout?.pieceCount ?? MAX_PIECES) ? this.range(index).length : 0
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

  protected add(index: number, digest: Sha256): void {
    this.#table.set(index, digest)
  }

  protected remove(index: number): void {
    this.#table.delete(index)
  }

  /** The content length or the piece size became known. @returns the pieces that do not fit, which are here no more */
  protected recut(record: TaskRecord): readonly RecordedPiece[] {
    const ranges = Array.from(this.#table.members(), (index) => this.range(index))
    this.#pieceSize = record.pieceSize
    this.#layout ??= layoutOf(record)
    const misfits = ranges
      .filter(({ index, length }) => this.lengthOf(index) !== length)
      .map((range) => ({ ...range, digest: this.#table.digest(range.index) as Sha256 }))
    for (const { index } of misfits) this.#table.delete(index)
    return misfits
  }
}

/** @throws RangeError when the piece size or the length is not possible */
export function layoutOf(record: Pick<TaskRecord, 'contentLength' | 'pieceSize'>): PieceLayout | undefined {
  const layout = new PieceLayout(record.contentLength ?? 0, record.pieceSize)
  return record.contentLength === undefined ? undefined : layout
}
