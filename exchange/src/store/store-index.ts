import { ClassicLevel } from 'classic-level'
import { isTaskId, messageOf, SHA256_BYTES, type Sha256, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { DiskReserve } from './disk-reserve.ts'
import { indexError, isIndexDamage } from './index-error.ts'
import {
  CLEAN_KEY,
  idOfKey,
  indexOfKey,
  markKey,
  MARKING_KEY,
  MARKS,
  marksBefore,
  pieceKey,
  PIECES,
  piecesOf,
  recordKey,
  RECORDS,
  RUN_KEY,
  stateKey,
  STATES,
  SUSPECT_KEY,
  TABLE_KEY,
  taskOfMark,
  taskOfPieceKey,
  type KeyRange,
} from './index-keys.ts'
import { IndexWriter, type IndexChange } from './index-writer.ts'
import type { TaskRecord } from './piece-store.ts'
import { repairIndex } from './repair-index.ts'
import { decodeTaskRecord, encodeTaskRecord } from './task-record-codec.ts'
import { ChangeMarks } from './table/change-marks.ts'
import { decodeTaskState, encodeTaskState, type TaskState } from './task-state.ts'

/** LevelDB's default of 1000 would leave no descriptors for task files and sockets. */
const MAX_OPEN_FILES = 64

/** Entries fetched from level at once. */
const PAGE = 1000

const NOTHING = new Uint8Array(0)

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
  /** Of the table's file, if what changed since is marked. */
  readonly tableGeneration: string | undefined
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
  readonly #marks = new ChangeMarks()
  readonly #reserve: Pick<DiskReserve, 'toOpen'>
  readonly #logger: Logger
  #repaired = false

  /** @param location of its folder @param reserve for a disk that is full */
  constructor(location: string, reserve: Pick<DiskReserve, 'toOpen'>, logger: Logger) {
    this.#reserve = reserve
    this.#logger = logger
    this.#db = new ClassicLevel(location, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
      maxOpenFiles: MAX_OPEN_FILES,
    })
    this.#writer = new IndexWriter({
      location,
      open: async () => this.#open(),
      close: async () => this.#db.close(),
      batch: async (changes) => this.#db.batch(changes),
    })
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
      await this.#writer.end()
    } finally {
      await this.#db.close()
    }
  }

  async write(changes: readonly IndexChange[]): Promise<void> {
    const marks = this.#marks.needed(changes)
    if (marks === undefined) return await this.#writer.write(changes)
    const { generation, taskIds } = marks
    await this.#writer.write([...changes, ...taskIds.map((taskId): IndexChange => ({ type: 'put', key: markKey(generation, taskId), value: NOTHING }))])
    this.#marks.written(marks)
  }

  /** How many tasks changed since the table's file was begun; undefined: there is no such file. */
  get changedTasks(): number | undefined {
    return this.#marks.generation === undefined ? undefined : this.#marks.count
  }

  /** Goes on marking what changes since a file of the table was written. @returns what was changed already */
  async resumeMarking(generation: string): Promise<readonly TaskId[]> {
    const changed = new Set<string>()
    for await (const [key] of this.#entries(MARKS)) changed.add(taskOfMark(key))
    this.#marks.begin(generation, changed)
    return [...changed].filter(isTaskId)
  }

  /** From here on what changes is marked as changed since this generation. */
  beginMarking(generation: string): void {
    this.#marks.begin(generation, [])
  }

  /** The table's file of this generation is there; what was changed before it began is in it. */
  async tableWritten(generation: string): Promise<void> {
    await this.write([{ type: 'put', key: TABLE_KEY, value: Buffer.from(generation) }])
    await this.#clear(marksBefore(generation))
  }

  /** There is no file of the table that could be used. */
  async forgetTable(): Promise<void> {
    await this.write([{ type: 'del', key: TABLE_KEY }])
    await this.#clear(MARKS)
  }

  /** Every task whose record can be read; the others are removed. */
  async *tasks(): AsyncGenerator<IndexedTask> {
    // Both are in the order of ids.
    const states = this.#entries(STATES)
    let next = await states.next()
    for await (const [key, value] of this.#entries(RECORDS)) {
      const id = idOfKey(key)
      while (next.done !== true && idOfKey(next.value[0]) < id) next = await states.next()
      const record = decodeTaskRecord(id, decodeText(value))
      const state = next.done !== true && idOfKey(next.value[0]) === id ? decodeTaskState(decodeText(next.value[1])) : undefined
      if (record === undefined) await this.#dropDamaged(id)
      else yield indexedTask(record, state)
    }
    await states.return(undefined)
  }

  /** A task as it is in the index now; one whose record cannot be read is removed. */
  async task(taskId: TaskId): Promise<IndexedTask | undefined> {
    const [record, state] = await this.#get([recordKey(taskId), stateKey(taskId)])
    if (record === undefined) return undefined
    const decoded = decodeTaskRecord(taskId, decodeText(record))
    if (decoded !== undefined) return indexedTask(decoded, state === undefined ? undefined : decodeTaskState(decodeText(state)))
    await this.#dropDamaged(taskId)
    return undefined
  }

  /** What is recorded of some tasks, without their states; one whose record cannot be read is removed. */
  async records(taskIds: readonly TaskId[]): Promise<ReadonlyMap<TaskId, TaskRecord>> {
    const texts = await this.#get(taskIds.map(recordKey))
    const records = new Map<TaskId, TaskRecord>()
    for (const [i, taskId] of taskIds.entries()) {
      const text = texts[i]
      const record = text === undefined ? undefined : decodeTaskRecord(taskId, decodeText(text))
      if (record !== undefined) records.set(taskId, record)
      else if (text !== undefined) await this.#dropDamaged(taskId)
    }
    return records
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

  /**
   * Removes a task and its pieces in one step.
   *
   * @param pieceCount of a task that is whole, so that its pieces need not be looked for
   */
  async remove(taskId: TaskId, pieceCount?: number): Promise<void> {
    const pieces = pieceCount === undefined ? await this.#withoutPieces(taskId) : Array.from({ length: pieceCount }, (_, index) => deletePiece(taskId, index))
    await this.write([{ type: 'del', key: recordKey(taskId) }, { type: 'del', key: stateKey(taskId) }, ...pieces])
  }

  async #withoutPieces(taskId: TaskId): Promise<IndexChange[]> {
    const changes: IndexChange[] = []
    for await (const [key] of this.#entries(piecesOf(taskId))) changes.push({ type: 'del', key })
    return changes
  }

  async #get(keys: string[]): Promise<(Uint8Array | undefined)[]> {
    try {
      await this.#writer.readable()
      return await this.#db.getMany(keys)
    } catch (error) {
      throw indexError(error, `read the index in ${this.#db.location}`)
    }
  }

  async #clear(range: KeyRange): Promise<void> {
    try {
      await this.#writer.readable()
      await this.#db.clear(range)
    } catch (error) {
      throw indexError(error, `write to the index in ${this.#db.location}`)
    }
  }

  async #open(): Promise<void> {
    await this.#reserve.toOpen(async () => this.#db.open())
  }

  async #openOrRepair(): Promise<void> {
    try {
      await this.#open()
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
      await repairIndex(location)
      await this.#open()
    } catch (error) {
      // A full or forbidden disk is no reason to throw the index away.
      if (indexError(error, `repair the index in ${location}`).code !== 'DISK_FAILED') throw error
      this.#logger.error({ reason: messageOf(error) }, 'the index cannot be repaired; it begins anew')
      await ClassicLevel.destroy(location)
      await this.#db.open()
    }
  }

  async #beginRun(): Promise<Run> {
    const [run, suspect, clean, table, marking] = await this.#db.getMany([RUN_KEY, SUSPECT_KEY, CLEAN_KEY, TABLE_KEY, MARKING_KEY])
    const number = decodeNumber(run) + 1
    // A run of an older version of the program marks nothing.
    const isMarked = table !== undefined && decodeNumber(marking) === number - 1 && !this.#repaired
    // Repairing may bring a deleted marker back.
    const suspectBefore = clean === undefined || this.#repaired ? number : decodeNumber(suspect)
    await this.write([
      { type: 'put', key: RUN_KEY, value: encodeNumber(number) },
      { type: 'put', key: SUSPECT_KEY, value: encodeNumber(suspectBefore) },
      { type: 'put', key: MARKING_KEY, value: encodeNumber(number) },
      { type: 'del', key: CLEAN_KEY },
    ])
    return { number, suspectBefore, mayLackTasks: this.#repaired || number === 1, tableGeneration: isMarked ? decodeText(table) : undefined }
  }

  async #dropDamaged(id: string): Promise<void> {
    this.#logger.warn({ taskId: id }, 'dropped a damaged task record')
    await this.remove(id as TaskId)
  }

  async *#entries(range: KeyRange): AsyncGenerator<readonly [string, Uint8Array]> {
    await this.#writer.readable()
    const iterator = this.#db.iterator(range)
    try {
      for (let page = await iterator.nextv(PAGE); page.length > 0; page = await iterator.nextv(PAGE)) yield* page
    } finally {
      // Nobody need wait for that; closing the database does.
      iterator.close().catch(() => undefined)
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
