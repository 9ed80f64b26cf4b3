import type { TaskPosition, TaskRank, TaskSelection, TaskSummary } from '../piece-store.ts'
import { BLOCK, RowBlock } from './row-block.ts'

/** Many tasks, by row. */
export interface TaskRows {
  /** Rows in all; some may be empty. */
  readonly length: number
  /** Valid until the next call. Undefined: an empty row. */
  at(row: number): TaskSummary | undefined
  /** As many as there are `ranks`, from a row on. @param rank undefined: the first 32 bits of the id */
  fill(rank: TaskRank | undefined, start: number, ranks: Float64Array): void
}

/** A prime above the number of blocks, so that every block has its turn. */
const STRIDE = 2_654_435_761

/**
 * The first tasks in some order, of any number of them, by one look at each. Rows that were filled one after the other are often
 * in the very order that is asked for, or in the opposite one, in which each would displace another; so blocks of rows are taken
 * in a scattered order.
 */
export function firstTasks(rows: TaskRows, { ranks, limit, matches, after: position, except }: TaskSelection): TaskSummary[] {
  const after = position === undefined ? undefined : entryAt(position)
  const byOrder: Order = (a, b) => compareRanks(a.keys, b.keys) || compareIds(idOf(a, rows), idOf(b, rows))
  const found = new FewestHeap(limit, byOrder)
  const block = new RowBlock(rows, ranks)
  const blocks = limit > 0 ? Math.ceil(rows.length / BLOCK) : 0
  for (let i = 0; i < blocks; i++) {
    const start = ((i * STRIDE) % blocks) * BLOCK
    const count = Math.min(BLOCK, rows.length - start)
    block.moveTo(start, count)
    // Numbers are enough to pass over nearly all.
    for (const offset of block.choose(found.last, after?.keys)) {
      const task = rows.at(start + offset)
      if (task === undefined || (matches !== undefined && !matches(task))) continue
      const candidate = { keys: block.keys(offset), row: start + offset }
      if (!found.wants(candidate) || (after !== undefined && byOrder(candidate, after) <= 0)) continue
      if (except?.has((rows.at(candidate.row) as TaskSummary).taskId) !== true) found.add(candidate)
    }
  }
  return found.sorted().map(({ row }) => summaryOf(rows.at(row) as TaskSummary))
}

/** Of tasks that are objects already. */
export function rowsOf(tasks: readonly TaskSummary[]): TaskRows {
  return {
    length: tasks.length,
    at: (row) => tasks[row],
    fill: (rank, start, ranks) => {
      for (const i of ranks.keys()) {
        const task = tasks[start + i] as TaskSummary
        ranks[i] = rank === undefined ? leadingBitsOf(task.taskId) : rank.of(task)
      }
    },
  }
}

/** Where a task stands in an order. */
export function positionOf(task: TaskSummary, ranks: readonly TaskRank[]): TaskPosition {
  return { ranks: ranks.map((rank) => rank.of(task)), taskId: task.taskId }
}

/** All of some tasks. */
export function inOrder<T extends TaskSummary>(tasks: readonly T[], ranks: readonly TaskRank[]): T[] {
  return tasks
    .map((task) => ({ task, position: positionOf(task, ranks) }))
    .toSorted((a, b) => comparePositions(a.position, b.position))
    .map(({ task }) => task)
}

/** Which of two positions in the same order comes first, as `sort` wants it. */
export function comparePositions(a: TaskPosition, b: TaskPosition): number {
  return compareRanks(a.ranks, b.ranks) || compareIds(a.taskId, b.taskId)
}

/** One place in the order; that of a row says no more than which, since most are displaced soon. */
interface Entry {
  /** Its ranks, then the first bits of its id. */
  readonly keys: readonly number[]
}

interface RowEntry extends Entry {
  readonly row: number
}

/** Where a page begins. */
interface PositionEntry extends Entry {
  readonly taskId: string
}

type Order = (a: RowEntry, b: RowEntry | PositionEntry) => number

/** Before anything is known to be last. */
const EVERYTHING: readonly number[] = [Number.POSITIVE_INFINITY]

function entryAt({ ranks, taskId }: TaskPosition): PositionEntry {
  return { keys: [...ranks, leadingBitsOf(taskId)], taskId }
}

function idOf(entry: RowEntry | PositionEntry, rows: TaskRows): string {
  return 'taskId' in entry ? entry.taskId : (rows.at(entry.row)?.taskId ?? '')
}

/** Of what is no id too: what is left of it at its beginning. */
function leadingBitsOf(taskId: string): number {
  return Number.parseInt(/^[0-9a-f]{0,8}/.exec(taskId)?.[0].padEnd(8, '0') ?? '0', 16)
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let rank = 0; rank < a.length; rank++) {
    const difference = (a[rank] as number) - (b[rank] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function compareIds(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/** A copy that stays valid. */
export function summaryOf(task: TaskSummary): TaskSummary {
  const { taskId, tag, application, contentLength, pieceSize, isPrivate, pinned, createdAt, lastUsedAt, uses, verifiedBytes } = task
  return { taskId, tag, application, contentLength, pieceSize, isPrivate, pinned, createdAt, lastUsedAt, uses, verifiedBytes }
}

/** Keeps the first of what it is given; the last of those is on top, to go when a better one comes. */
class FewestHeap {
  readonly #limit: number
  readonly #order: Order
  readonly #entries: RowEntry[] = []
  /** What has more than this in front is not wanted. */
  last: readonly number[] = EVERYTHING

  constructor(limit: number, order: Order) {
    this.#limit = limit
    this.#order = order
  }

  wants(entry: RowEntry): boolean {
    return this.#entries.length < this.#limit || this.#order(entry, this.#entries[0] as RowEntry) < 0
  }

  /** What it wants. */
  add(entry: RowEntry): void {
    if (this.#entries.length < this.#limit) this.#rise(this.#entries.push(entry) - 1)
    else this.#sink(entry)
    if (this.#entries.length === this.#limit) this.last = (this.#entries[0] as RowEntry).keys
  }

  sorted(): readonly RowEntry[] {
    return this.#entries.toSorted(this.#order)
  }

  #rise(from: number): void {
    const entry = this.#entries[from] as RowEntry
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      if (this.#order(this.#entries[above] as RowEntry, entry) >= 0) break
      this.#entries[place] = this.#entries[above] as RowEntry
      place = above
    }
    this.#entries[place] = entry
  }

  /** Takes the place of the top. */
  #sink(entry: RowEntry): void {
    const entries = this.#entries
    let place = 0
    for (;;) {
      let below = 2 * place + 1
      if (below >= entries.length) break
      if (below + 1 < entries.length && this.#order(entries[below + 1] as RowEntry, entries[below] as RowEntry) > 0) below++
      if (this.#order(entries[below] as RowEntry, entry) <= 0) break
      entries[place] = entries[below] as RowEntry
      place = below
    }
    entries[place] = entry
  }
}
