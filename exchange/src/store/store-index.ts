import { ClassicLevel } from 'classic-level'
import { messageOf, SHA256_BYTES, type Sha256, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { indexError, isIndexDamage } from './index-error.ts'
import {
  CLEAN_KEY,
  idOfKey,
  indexOfKey,
  pieceKey,
  PIECES,
  piecesOf,
  recordKey,
  RECORDS,
  RUN_KEY,
  stateKey,
  STATES,
  SUSPECT_KEY,
  taskOfPieceKey,
  type KeyRange,
} from './index-keys.ts'
import { IndexWriter, type IndexChange } from './index-writer.ts'
import type { TaskRecord } from './piece-store.ts'
import { decodeTaskRecord, encodeTaskRecord } from './task-record-codec.ts'
import { decodeTaskState, encodeTaskState, type TaskState } from './task-state.ts'

/** LevelDB's default of 1000 would leave no descriptors for task files and sockets. */
const MAX_OPEN_FILES = 64

/** Entries fetched from level at once. */
const PAGE = 1000

export interface IndexedTask {
  readonly taskId: TaskId
  readonly record: TaskRecord
  readonly state: TaskState
}

/** Which pieces may be trusted after the stop before this start. */
export interface Run {
  /** Counts the starts of this store. */
  readonly number: number
  /** Pieces trusted only in runs before this one are hashed again. */
  readonly suspectBefore: number
  /** Whether there may be tasks on the disk that the index has lost. */
  readonly mayLackTasks: boolean
}

/**
 * The metadata of a store in level: a record, a state and the piece digests of each task.
 *
 * Nothing is synced: what is written survives the end of the process, and a loss of
 * power costs at most what the check after an unclean stop finds missing.
 */
export class StoreIndex {
  readonly #db: ClassicLevel<string, Uint8Array>
  readonly #writer: IndexWriter
  readonly #logger: Logger
  #repaired = false

  constructor(location: string, logger: Logger) {
    this.#logger = logger
    this.#db = new ClassicLevel(location, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
      maxOpenFiles: MAX_OPEN_FILES,
    })
    this.#writer = new IndexWriter(this.#db)
  }

  /** @throws DamselflyError STORE_LOCKED, DISK_DENIED, DISK_FULL, DISK_FAILED */
  async open(): Promise<Run> {
    const { location } = this.#db
    try {
      await this.#openOrRepair()
      return await this.#beginRun()
    } catch (error) {
      await this.#db.close()
      throw indexError(error, `open the index in ${location}`)
    }
  }

  /** @param clean whether every file is as its state says. */
  async close(clean: boolean): Promise<void> {
    try {
      if (clean) await this.write([{ type: 'put', key: CLEAN_KEY, value: encodeNumber(1) }])
      await this.#writer.drain()
    } finally {
      await this.#db.close()
    }
  }

  write(changes: readonly IndexChange[]): Promise<void> {
    return this.#writer.write(changes)
  }

  putRecord(record: TaskRecord): Promise<void> {
    return this.write([putRecord(record)])
  }

  /** Every task whose record can be read; the others are removed. */
  async tasks(): Promise<readonly IndexedTask[]> {
    const states = new Map<string, TaskState | undefined>()
    for await (const [key, value] of this.#entries(STATES)) states.set(idOfKey(key), decodeTaskState(decodeText(value)))
    const tasks: IndexedTask[] = []
    for await (const [key, value] of this.#entries(RECORDS)) {
      const id = idOfKey(key)
      const record = decodeTaskRecord(id, decodeText(value))
      if (record === undefined) await this.#dropDamaged(id)
      else tasks.push(indexedTask(record, states.get(id)))
    }
    return tasks
  }

  /** Piece digests of a task; damaged entries are left out with a warning. */
  async pieces(taskId: TaskId): Promise<readonly (readonly [index: number, digest: Sha256])[]> {
    const pieces: (readonly [number, Sha256])[] = []
    for await (const [key, value] of this.#entries(piecesOf(taskId))) {
      const index = indexOfKey(key)
      if (value.length === SHA256_BYTES && index >= 0) pieces.push([index, value])
      else this.#logger.warn({ taskId, key }, 'dropped a damaged piece record')
    }
    return pieces
  }

  /** Which pieces are recorded, of all tasks. */
  async *recorded(): AsyncGenerator<{ readonly taskId: string; readonly index: number }> {
    for await (const [key] of this.#entries(PIECES)) yield { taskId: taskOfPieceKey(key), index: indexOfKey(key) }
  }

  /** Removes a task and its pieces in one step, so that a later task of this id inherits none. */
  async remove(taskId: TaskId): Promise<void> {
    const changes: IndexChange[] = [
      { type: 'del', key: recordKey(taskId) },
      { type: 'del', key: stateKey(taskId) },
    ]
    for await (const [key] of this.#entries(piecesOf(taskId))) changes.push({ type: 'del', key })
    await this.write(changes)
  }

  async #openOrRepair(): Promise<void> {
    try {
      await this.#db.open()
    } catch (error) {
      if (!isIndexDamage(error)) throw error
      this.#logger.warn({ reason: messageOf(error) }, 'the index is damaged, repairing it')
      this.#repaired = true
      await this.#repairOrBeginAnew()
    }
  }

  async #repairOrBeginAnew(): Promise<void> {
    const { location } = this.#db
    try {
      await ClassicLevel.repair(location)
      await this.#db.open()
    } catch (error) {
      // A full or forbidden disk is no reason to throw the index away.
      if (indexError(error, `repair the index in ${location}`).code !== 'DISK_FAILED') throw error
      this.#logger.error({ reason: messageOf(error) }, 'the index cannot be repaired; it begins anew')
      await ClassicLevel.destroy(location)
      await this.#db.open()
    }
  }

  async #beginRun(): Promise<Run> {
    const [run, suspect, clean] = await this.#db.getMany([RUN_KEY, SUSPECT_KEY, CLEAN_KEY])
    const number = decodeNumber(run) + 1
    // Repairing may bring a deleted marker back.
    const suspectBefore = clean === undefined || this.#repaired ? number : decodeNumber(suspect)
    await this.write([
      { type: 'put', key: RUN_KEY, value: encodeNumber(number) },
      { type: 'put', key: SUSPECT_KEY, value: encodeNumber(suspectBefore) },
      { type: 'del', key: CLEAN_KEY },
    ])
    return { number, suspectBefore, mayLackTasks: this.#repaired || number === 1 }
  }

  async #dropDamaged(id: string): Promise<void> {
    this.#logger.warn({ taskId: id }, 'dropped a damaged task record')
    await this.remove(id as TaskId)
  }

  async *#entries(range: KeyRange): AsyncGenerator<readonly [string, Uint8Array]> {
    const iterator = this.#db.iterator(range)
    try {
      for (let page = await iterator.nextv(PAGE); page.length > 0; page = await iterator.nextv(PAGE)) yield* page
    } finally {
      await iterator.close()
    }
  }
}

export function putRecord(record: TaskRecord): IndexChange {
  return { type: 'put', key: recordKey(record.taskId), value: Buffer.from(encodeTaskRecord(record)) }
}

export function putState(taskId: TaskId, state: TaskState): IndexChange {
  return { type: 'put', key: stateKey(taskId), value: Buffer.from(encodeTaskState(state)) }
}

export function putPiece(taskId: TaskId, index: number, digest: Sha256): IndexChange {
  return { type: 'put', key: pieceKey(taskId, index), value: digest }
}

export function deletePiece(taskId: TaskId, index: number): IndexChange {
  return { type: 'del', key: pieceKey(taskId, index) }
}

/** A task without a readable state is not trusted. */
function indexedTask(record: TaskRecord, found: TaskState | undefined): IndexedTask {
  const { taskId, lastUsedAt } = record
  const state = found ?? { verifiedBytes: 0, lastUsedAt, trustedSince: 0, stamp: undefined }
  const { uses } = state
  return { taskId, record: { ...record, lastUsedAt: state.lastUsedAt, ...(uses !== undefined && { uses }) }, state }
}

function encodeNumber(value: number): Uint8Array {
  return Buffer.from(String(value))
}

function decodeNumber(value: Uint8Array | undefined): number {
  const parsed = value === undefined ? 0 : Number.parseInt(decodeText(value), 10)
  return Number.isSafeInteger(parsed) ? parsed : 0
}

function decodeText(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()
}
