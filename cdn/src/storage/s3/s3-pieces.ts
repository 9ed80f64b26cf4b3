import type { TaskRecord } from '@damselfly/exchange'
import { KnownPieces } from '@damselfly/exchange/store-parts'
import { DamselflyError, digestsEqual, sha256, type Sha256, type TaskId } from '@damselfly/shared'
import { pieceKey, pieceOfKey, piecesKey } from './object-keys.ts'
import type { S3TaskServices } from './s3-task-services.ts'
import type { SpooledPiece } from './spool.ts'

/** Which pieces of one task are in the bucket, and their bytes. */
export class S3Pieces extends KnownPieces {
  readonly #taskId: TaskId
  readonly #version: string
  readonly #services: S3TaskServices

  constructor(taskId: TaskId, services: S3TaskServices) {
    const { record, version } = services.catalogue.get(taskId)
    super(record)
    this.#taskId = taskId
    this.#version = version
    this.#services = services
  }

  /** Takes over what the bucket has, other supernodes' pieces too. */
  async load(): Promise<void> {
    const doubtful = new Set<number>()
    for await (const page of this.#services.bucket.list(piecesKey(this.#taskId, this.#version))) {
      for (const { key, size } of page) {
        const piece = pieceOfKey(key)
        if (piece === undefined || size !== this.lengthOf(piece.index)) continue
        const known = this.digest(piece.index)
        if (known !== undefined && !digestsEqual(known, piece.digest)) doubtful.add(piece.index)
        this.add(piece.index, piece.digest)
      }
    }
    // Which of two is right cannot be told; it is fetched again.
    for (const index of doubtful) this.remove(index)
    this.#count()
  }

  /** Puts a piece into the bucket; then it counts. @throws DamselflyError PIECE_CORRUPT, STORAGE_*, DISK_FAILED */
  async record(index: number, length: number, digest: Sha256, spooled: SpooledPiece): Promise<void> {
    const { bucket, hot } = this.#services
    const key = pieceKey(this.#taskId, this.#version, index, digest)
    await hot.store(key, length, async (target) => {
      await spooled.read(target)
      return await bucket.put(key, target, { sha256: digest, ifAbsent: true })
    })
    if (this.lengthOf(index) !== length) {
      await this.#discard(index, digest)
      throw new DamselflyError('PIECE_CORRUPT', `piece ${index} has another length than the content turned out to give it`)
    }
    this.add(index, digest)
    this.#count()
  }

  /** Somebody has read its last byte. */
  readToEnd(index: number): void {
    this.#services.hot.readToEnd(this.#keyOf(index))
  }

  /** The whole piece if it is in memory; good for this turn. */
  hot(index: number): Buffer | undefined {
    return this.#services.hot.get(this.#keyOf(index))
  }

  /** The whole piece, compared with its digest; good for this turn. @throws DamselflyError TASK_NOT_FOUND when the bucket does not have it any more; STORAGE_* */
  async fetch(index: number): Promise<Buffer> {
    const key = this.#keyOf(index)
    const digest = this.digest(index) as Sha256
    try {
      return await this.#services.hot.obtain(key, this.lengthOf(index), (target) => this.#fetch(key, index, digest, target))
    } catch (error) {
      if (error instanceof DamselflyError && error.code === 'TASK_NOT_FOUND') this.#lose(index, digest)
      throw error
    }
  }

  /** Reads a piece from the bucket, not from memory. @returns whether it is there as it should be; if not it counts no more */
  async check(index: number): Promise<boolean> {
    this.#services.hot.delete(this.#keyOf(index))
    try {
      await this.fetch(index)
      this.readToEnd(index)
      return true
    } catch (error) {
      if (error instanceof DamselflyError && error.code === 'TASK_NOT_FOUND') return false
      throw error
    }
  }

  /** The content length or the piece size became known; pieces that do not fit are forgotten. */
  async relayout(record: TaskRecord): Promise<void> {
    const misfits = this.recut(record)
    this.#count()
    for (const { index, digest } of misfits) await this.#discard(index, digest)
  }

  async #fetch(key: string, index: number, digest: Sha256, target: Buffer): Promise<void> {
    const length = await this.#services.bucket.getInto(key, target)
    if (length === undefined) throw this.#missing(index, 'is not in the bucket any more')
    if (length === target.length && digestsEqual(sha256(target), digest)) return
    await this.#discard(index, digest)
    throw this.#missing(index, 'was damaged in the bucket')
  }

  #missing(index: number, what: string): DamselflyError {
    this.#services.logger.warn({ taskId: this.#taskId, index }, `a piece ${what}; it is forgotten`)
    return new DamselflyError('TASK_NOT_FOUND', `piece ${index} of task ${this.#taskId} ${what}`)
  }

  #lose(index: number, digest: Sha256): void {
    const known = this.digest(index)
    if (known === undefined || !digestsEqual(known, digest)) return
    this.remove(index)
    this.#count()
  }

  async #discard(index: number, digest: Sha256): Promise<void> {
    const key = pieceKey(this.#taskId, this.#version, index, digest)
    this.#services.hot.delete(key)
    await this.#services.bucket.delete(key)
  }

  #keyOf(index: number): string {
    return pieceKey(this.#taskId, this.#version, index, this.digest(index) as Sha256)
  }

  #count(): void {
    const { catalogue } = this.#services
    const { verifiedBytes } = this
    if (!catalogue.has(this.#taskId) || catalogue.get(this.#taskId).verifiedBytes === verifiedBytes) return
    catalogue.change(this.#taskId, { verifiedBytes })
  }
}
