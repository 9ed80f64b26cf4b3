import { SHA256_BYTES, type TaskId } from '@damselfly/shared'
import type { TaskRank, TaskRecord, TaskSummary, UseCounts } from '../piece-store.ts'
import type { FileStamp, TaskState } from '../task-state.ts'
import type { TaskRows } from './first-tasks.ts'
import { IdIndex } from './id-index.ts'
import { TaskColumns } from './task-columns.ts'
import { TextPool } from './text-pool.ts'

const FLAG = { taken: 1, isPrivate: 2, pinned: 4 } as const

const FEWEST_ROWS = 64

/** More than are needed, so that not every new task moves all others. */
const GROWTH = 1.5

/** What a table is read from again. */
export interface TableContent {
  readonly columns: TaskColumns
  /** Rows up to the last that was ever taken. */
  readonly rows: number
  readonly texts: readonly string[]
}

/** What must be known of every task at any time: about 140 bytes for each, and what their tags take. Everything else is in the index. */
export class TaskTable implements TaskRows {
  readonly #columns: TaskColumns
  readonly #texts: TextPool
  readonly #index = new IdIndex(() => this.#columns.ids)
  readonly #free: number[] = []
  readonly #view: RowView
  /** For one id at a time. */
  readonly #id = Buffer.alloc(SHA256_BYTES)
  readonly #byFirstByte = new Uint32Array(256)
  #rows: number
  #count = 0
  #verifiedBytes = 0

  constructor(content: TableContent = { columns: new TaskColumns(), rows: 0, texts: [] }) {
    this.#columns = content.columns
    this.#texts = TextPool.of(content.texts.slice(1))
    this.#rows = content.rows
    this.#view = new RowView(this.#columns, this.#texts)
    this.#index.reserve(content.rows)
    for (let row = 0; row < content.rows; row++) {
      if (this.#columns.flags[row] === 0) this.#free.push(row)
      else this.#found(row)
    }
  }

  /** Tasks. */
  get count(): number {
    return this.#count
  }

  /** Of all tasks. */
  get verifiedBytes(): number {
    return this.#verifiedBytes
  }

  get length(): number {
    return this.#rows
  }

  /** For those who write it down. Changes with the table. */
  get content(): TableContent {
    return { columns: this.#columns, rows: this.#rows, texts: this.#texts.texts }
  }

  at(row: number): TaskSummary | undefined {
    if (this.#columns.flags[row] === 0) return undefined
    this.#view.row = row
    return this.#view
  }

  fill(rank: TaskRank | undefined, start: number, ranks: Float64Array): void {
    if (rank === undefined) this.#index.fillLeadingBits(start, ranks)
    else rank.fill(this.#columns, start, ranks)
  }

  has(taskId: TaskId): boolean {
    return this.#find(taskId) >= 0
  }

  /** Valid until the next call. */
  get(taskId: TaskId): TaskSummary | undefined {
    const row = this.#find(taskId)
    return row < 0 ? undefined : this.at(row)
  }

  /** @throws RangeError when there is no such task */
  state(taskId: TaskId): TaskState {
    const { verifiedBytes, lastUsedAt, trustedSince, stampTime, stampSize } = this.#columns
    const row = this.#row(taskId)
    const mtimeMs = stampTime[row] as number
    const stamp: FileStamp | undefined = Number.isNaN(mtimeMs) ? undefined : { mtimeMs, size: stampSize[row] as number }
    return {
      verifiedBytes: verifiedBytes[row] as number,
      lastUsedAt: lastUsedAt[row] as number,
      trustedSince: trustedSince[row] as number,
      stamp,
      uses: usesAt(this.#columns, row),
    }
  }

  /** A new task, or another record and state of one. */
  put(record: TaskRecord, state: TaskState): void {
    const known = this.#find(record.taskId)
    const row = known < 0 ? this.#take() : known
    if (known < 0) {
      this.#columns.flags[row] = FLAG.taken
      this.#columns.verifiedBytes[row] = 0
      this.#id.copy(this.#columns.ids, row * SHA256_BYTES)
      this.#index.add(row)
      this.#counted(row, 1)
    }
    this.#describe(row, record)
    this.#setState(row, state)
  }

  /** @throws RangeError when there is no such task */
  setRecord(record: TaskRecord): void {
    this.#describe(this.#row(record.taskId), record)
  }

  /** @throws RangeError when there is no such task */
  setState(taskId: TaskId, state: TaskState): void {
    this.#setState(this.#row(taskId), state)
  }

  remove(taskId: TaskId): void {
    const row = this.#find(taskId)
    if (row < 0) return
    this.#index.remove(row)
    this.#columns.flags[row] = 0
    this.#verifiedBytes -= this.#columns.verifiedBytes[row] as number
    this.#counted(row, -1)
    this.#free.push(row)
  }

  /** How many ids begin with this byte. */
  countBeginningWith(firstByte: number): number {
    return this.#byFirstByte[firstByte] as number
  }

  idsBeginningWith(firstByte: number): TaskId[] {
    const found: TaskId[] = []
    const { ids, flags } = this.#columns
    for (let row = 0; row < this.#rows; row++) {
      if (ids[row * SHA256_BYTES] === firstByte && flags[row] !== 0) found.push((this.at(row) as TaskSummary).taskId)
    }
    return found
  }

  /** Those of which something was written in a run, and not stamped since. */
  unstamped(run: number): TaskId[] {
    const found: TaskId[] = []
    const { flags, stampTime, trustedSince, verifiedBytes } = this.#columns
    for (let row = 0; row < this.#rows; row++) {
      const isWritten = flags[row] !== 0 && trustedSince[row] === run && verifiedBytes[row] !== 0
      if (isWritten && Number.isNaN(stampTime[row])) found.push((this.at(row) as TaskSummary).taskId)
    }
    return found
  }

  #find(taskId: TaskId): number {
    if (this.#id.write(taskId, 'hex') < SHA256_BYTES) return -1
    return this.#index.find(this.#id)
  }

  #row(taskId: TaskId): number {
    const row = this.#find(taskId)
    if (row < 0) throw new RangeError(`there is no task ${taskId}`)
    return row
  }

  #take(): number {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#rows === this.#columns.capacity) this.#columns.grow(Math.max(FEWEST_ROWS, Math.ceil(this.#rows * GROWTH)))
    return this.#rows++
  }

  #counted(row: number, difference: 1 | -1): void {
    this.#count += difference
    this.#byFirstByte[this.#columns.ids[row * SHA256_BYTES] as number]! += difference
  }

  #found(row: number): void {
    this.#index.add(row)
    this.#counted(row, 1)
    this.#verifiedBytes += this.#columns.verifiedBytes[row] as number
  }

  #describe(row: number, { contentLength, pieceSize, isPrivate, pinned, createdAt, tag, application }: TaskRecord): void {
    const columns = this.#columns
    columns.flags[row] = FLAG.taken | (isPrivate ? FLAG.isPrivate : 0) | (pinned ? FLAG.pinned : 0)
    columns.contentLength[row] = contentLength ?? Number.NaN
    columns.pieceSize[row] = pieceSize
    columns.createdAt[row] = createdAt
    columns.tag[row] = this.#texts.numberOf(tag)
    columns.application[row] = this.#texts.numberOf(application)
  }

  #setState(row: number, { verifiedBytes, lastUsedAt, trustedSince, stamp, uses }: TaskState): void {
    const columns = this.#columns
    this.#verifiedBytes += verifiedBytes - (columns.verifiedBytes[row] as number)
    columns.verifiedBytes[row] = verifiedBytes
    columns.lastUsedAt[row] = lastUsedAt
    columns.trustedSince[row] = trustedSince
    columns.stampTime[row] = stamp?.mtimeMs ?? Number.NaN
    columns.stampSize[row] = stamp?.size ?? Number.NaN
    columns.hits[row] = uses?.hits ?? Number.NaN
    columns.servedBytes[row] = uses?.servedBytes ?? Number.NaN
    columns.originBytes[row] = uses?.originBytes ?? Number.NaN
  }
}

function usesAt({ hits, servedBytes, originBytes }: TaskColumns, row: number): UseCounts | undefined {
  const counted = hits[row] as number
  if (Number.isNaN(counted)) return undefined
  return { hits: counted, servedBytes: servedBytes[row] as number, originBytes: originBytes[row] as number }
}

/** Shows one row after the other, so that looking at a million makes no objects. */
class RowView implements TaskSummary {
  readonly #columns: TaskColumns
  readonly #texts: TextPool
  row = 0

  constructor(columns: TaskColumns, texts: TextPool) {
    this.#columns = columns
    this.#texts = texts
  }

  get taskId(): TaskId {
    return this.#columns.ids.toString('hex', this.row * SHA256_BYTES, (this.row + 1) * SHA256_BYTES) as TaskId
  }

  get tag(): string {
    return this.#texts.text(this.#columns.tag[this.row] as number)
  }

  get application(): string {
    return this.#texts.text(this.#columns.application[this.row] as number)
  }

  get contentLength(): number | undefined {
    const length = this.#columns.contentLength[this.row] as number
    return Number.isNaN(length) ? undefined : length
  }

  get pieceSize(): number {
    return this.#columns.pieceSize[this.row] as number
  }

  get isPrivate(): boolean {
    return ((this.#columns.flags[this.row] as number) & FLAG.isPrivate) !== 0
  }

  get pinned(): boolean {
    return ((this.#columns.flags[this.row] as number) & FLAG.pinned) !== 0
  }

  get createdAt(): number {
    return this.#columns.createdAt[this.row] as number
  }

  get lastUsedAt(): number {
    return this.#columns.lastUsedAt[this.row] as number
  }

  get verifiedBytes(): number {
    return this.#columns.verifiedBytes[this.row] as number
  }

  get uses(): UseCounts | undefined {
    return usesAt(this.#columns, this.row)
  }
}
