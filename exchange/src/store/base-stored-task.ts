import { DamselflyError, type Bitset, type PieceLayout, type PieceRange, type Sha256, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { PieceBytes } from './bytes/piece-bytes.ts'
import { InFlight } from './in-flight.ts'
import type { KnownPieces } from './known-pieces.ts'
import { LocalPieceWriter, type ClaimedPiece } from './local-piece-writer.ts'
import { PieceListeners, type PieceListener } from './piece-listeners.ts'
import type { PieceWriter, StoredTask, TaskRecord, TaskRecordChange } from './piece-store.ts'
import { PieceWaiters } from './piece-waiters.ts'
import { changedRecord } from './record-change.ts'

/** The pieces of a task as its store keeps them. */
export interface StoredPieces extends KnownPieces {
  /** The content length or the piece size became known; pieces that do not fit are forgotten. */
  relayout(record: TaskRecord): Promise<void>
}

export interface StoredTaskInit<Pieces extends StoredPieces> {
  readonly taskId: TaskId
  readonly pieces: Pieces
  readonly logger: Logger
  /** Is told whether something that the task was asked for is still to happen. */
  readonly setHeld: (isHeld: boolean) => void
}

/** Where the bytes of one claimed piece go. */
export interface BegunPiece extends Pick<ClaimedPiece, 'record'> {
  readonly bytes: PieceBytes
  /** Called once, when the claim has ended. */
  release?(): void
}

/** What tasks have in common wherever their bytes are: claims, waits, listeners, and when they may be closed. */
export abstract class BaseStoredTask<Pieces extends StoredPieces> implements StoredTask {
  protected readonly taskId: TaskId
  protected readonly pieces: Pieces
  protected readonly inFlight: InFlight = new InFlight()
  readonly #claims = new Map<number, LocalPieceWriter>()
  readonly #waiters = new PieceWaiters()
  readonly #listeners: PieceListeners
  readonly #setHeld: (isHeld: boolean) => void
  #uses = 0
  #holds = 0
  #closed: { readonly reason: DamselflyError; readonly record: TaskRecord } | undefined

  constructor({ taskId, pieces, logger, setHeld }: StoredTaskInit<Pieces>) {
    this.taskId = taskId
    this.pieces = pieces
    this.#setHeld = setHeld
    this.#listeners = new PieceListeners(logger)
  }

  abstract get path(): string | undefined
  abstract read(index: number, offset: number, target: Uint8Array): Promise<void>
  abstract readNow(index: number, offset: number, target: Uint8Array): boolean
  abstract look(): Promise<void>

  /** As the store has it; asked only while the task is open. */
  protected abstract get storedRecord(): TaskRecord
  /** Counts as soon as this returns. @param isRecut whether the content is cut otherwise than before */
  protected abstract change(change: TaskRecordChange, record: TaskRecord, isRecut: boolean): Promise<void>
  protected abstract begin(range: PieceRange): BegunPiece
  /** Looks at the bytes of a piece that is here. @returns whether they are right; else the piece is forgotten */
  protected abstract checkPiece(index: number): Promise<boolean>
  /** All pieces are here. */
  protected abstract completed(): Promise<void>

  get record(): TaskRecord {
    return this.#closed?.record ?? this.storedRecord
  }

  get layout(): PieceLayout | undefined {
    return this.pieces.layout
  }

  get isComplete(): boolean {
    return this.#closed === undefined && this.pieces.isComplete
  }

  get verifiedBytes(): number {
    return this.pieces.verifiedBytes
  }

  /** Whether the task is in use or being written. */
  get isBusy(): boolean {
    return this.#uses > 0 || this.#claims.size > 0
  }

  has(index: number): boolean {
    return this.pieces.has(index)
  }

  have(): Bitset {
    return this.pieces.have()
  }

  digest(index: number): Sha256 | undefined {
    return this.pieces.digest(index)
  }

  update(change: TaskRecordChange): Promise<void> {
    return this.inFlight.run(async () => {
      this.requireOpen()
      const before = this.record
      const record = changedRecord(before, change, this.pieces.count > 0 || this.#claims.size > 0)
      const isRecut = record.contentLength !== before.contentLength || record.pieceSize !== before.pieceSize
      await this.change(change, record, isRecut)
    })
  }

  claim(index: number, length: number): PieceWriter | undefined {
    this.requireOpen()
    const range = this.pieces.range(index)
    if (length !== range.length) {
      throw new RangeError(`piece ${index} has ${range.length} bytes by what is known of the task, not ${length}`)
    }
    if (this.pieces.has(index) || this.#claims.has(index)) return undefined
    const begun = this.begin(range)
    const release = this.#hold()
    const piece: ClaimedPiece = {
      index,
      length: () => this.pieces.lengthOf(index),
      record: (written, digest) => begun.record(written, digest),
      release: () => {
        if (this.#claims.delete(index)) begun.release?.()
        release()
      },
      announce: (digest) => this.inFlight.run(() => this.#announce(index, digest)),
    }
    const writer = new LocalPieceWriter(piece, begun.bytes)
    this.#claims.set(index, writer)
    return writer
  }

  async whenAvailable(index: number, signal: AbortSignal): Promise<void> {
    this.requireOpen()
    if (this.pieces.has(index)) return
    this.pieces.range(index)
    const release = this.#hold()
    try {
      await this.#waiters.wait(index, signal)
    } finally {
      release()
    }
  }

  check(index: number): Promise<boolean> {
    return this.inFlight.run(async () => {
      this.requireOpen()
      return !this.pieces.has(index) || (await this.checkPiece(index))
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
    await this.inFlight.settled()
  }

  /** Cuts the content as the record says; waits for pieces past its end fail. */
  protected async relayout(record: TaskRecord): Promise<void> {
    const written = this.pieces.relayout(record)
    const { layout } = this.pieces
    if (layout !== undefined) {
      this.#waiters.fail(new RangeError(`there are only ${layout.pieceCount} pieces`), layout.pieceCount)
    }
    await written
  }

  /** Resolves when no disk write of a claimed piece is outstanding. */
  protected async settleWrites(): Promise<void> {
    await Promise.all([...this.#claims.values()].map((writer) => writer.settle()))
  }

  protected requireOpen(): void {
    if (this.#closed !== undefined) throw this.#closed.reason
  }

  protected requirePiece(index: number): void {
    this.requireOpen()
    if (this.pieces.has(index)) return
    throw new DamselflyError('TASK_NOT_FOUND', `piece ${index} of task ${this.taskId} is not here`)
  }

  /** The piece, which is here and has these bytes. */
  protected requireBytes(index: number, offset: number, length: number): PieceRange {
    this.requirePiece(index)
    const range = this.pieces.range(index)
    if (Number.isInteger(offset) && offset >= 0 && offset + length <= range.length) return range
    throw new RangeError(`bytes ${offset}+${length} are not in piece ${index} of ${range.length} bytes`)
  }

  async #announce(index: number, digest: Sha256): Promise<void> {
    this.#waiters.announce(index)
    this.#listeners.announce(index, digest)
    if (this.pieces.isComplete) await this.completed()
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
}
