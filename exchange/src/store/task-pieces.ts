import { DamselflyError, type Sha256, type TaskId } from '@damselfly/shared'
import { KnownPieces } from './known-pieces.ts'
import type { TaskRecord } from './piece-store.ts'
import { deletePiece, putPiece } from './store-index.ts'
import type { TaskEntries } from './task-entries.ts'
import type { TaskServices } from './task-services.ts'

/** Which pieces of one task are here, in memory and in the index alike. */
export class TaskPieces extends KnownPieces {
  readonly #taskId: TaskId
  readonly #entries: TaskEntries
  readonly #services: TaskServices

  constructor(record: TaskRecord, entries: TaskEntries, services: TaskServices) {
    super(record)
    this.#taskId = record.taskId
    this.#entries = entries
    this.#services = services
  }

  /** Takes over what the index knows, except for pieces that the content does not have. */
  async load(): Promise<void> {
    const misfits: number[] = []
    for (const [index, digest] of await this.#services.index.pieces(this.#taskId)) {
      if (this.lengthOf(index) > 0) this.add(index, digest)
      else misfits.push(index)
    }
    await this.#entries.write(misfits.map((index) => deletePiece(this.#taskId, index)))
    this.#count()
  }

  /**
   * Records a piece, in the index first.
   *
   * @param length the bytes that were verified.
   * @throws DamselflyError PIECE_CORRUPT when the content turned out shorter meanwhile; DISK_FULL, DISK_FAILED
   */
  async record(index: number, length: number, digest: Sha256): Promise<void> {
    await this.#entries.write([putPiece(this.#taskId, index, digest)])
    if (this.lengthOf(index) !== length) {
      await this.#entries.write([deletePiece(this.#taskId, index)])
      throw new DamselflyError('PIECE_CORRUPT', `piece ${index} has another length than the content turned out to give it`)
    }
    this.add(index, digest)
    this.#count()
  }

  /** From here on the pieces are not here; the index forgets them too. @throws DamselflyError DISK_FULL, DISK_FAILED */
  async forget(indexes: readonly number[]): Promise<void> {
    for (const index of indexes) this.remove(index)
    this.#count()
    await this.#entries.write(indexes.map((index) => deletePiece(this.#taskId, index)))
  }

  /**
   * Writes a record in which the content length or the piece size became known; pieces
   * that do not fit are forgotten with it.
   */
  async relayout(record: TaskRecord): Promise<void> {
    const misfits = this.recut(record)
    this.#count()
    await this.#entries.writeRecord(misfits.map(({ index }) => deletePiece(this.#taskId, index)))
  }

  #count(): void {
    const { verifiedBytes } = this
    if (verifiedBytes === this.#services.ledger.state(this.#taskId).verifiedBytes) return
    this.#services.ledger.touch(this.#taskId, { verifiedBytes })
  }
}
