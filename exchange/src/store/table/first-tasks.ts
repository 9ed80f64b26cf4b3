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
  const found = new FewestHeap(limit)
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
      const candidate = { keys: block.keys(offset), task: summaryOf(task) }
      if (!found.wants(candidate) || (after !== undefined && compare(candidate, after) <= 0)) continue
      if (except?.has(candidate.task.taskId) !== true) found.add(candidate)
    }
  }
  return found.sorted().map(({ task }) => task as TaskSummary)
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

interface Entry {
  /** Its ranks, then the first bits of its id. */
  readonly keys: readonly number[]
  readonly task: Pick<TaskSummary, 'taskId'>
}

/** Before anything is known to be last. */
const EVERYTHING: readonly number[] = [Number.POSITIVE_INFINITY]

function entryAt({ ranks, taskId }: TaskPosition): Entry {
  return { keys: [...ranks, leadingBitsOf(taskId)], task: { taskId: taskId as TaskSummary['taskId'] } }
}

/** Of what is no id too: what is left of it at its beginning. */
function leadingBitsOf(taskId: string): number {
  return Number.parseInt(/^[0-9a-f]{0,8}/.exec(taskId)?.[0].padEnd(8, '0') ?? '0', 16)
}

function compare(a: Entry, b: Entry): number {
  return compareRanks(a.keys, b.keys) || compareIds(a.task.taskId, b.task.taskId)
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
  readonly #entries: Entry[] = []
  /** What has more than this in front is not wanted. */
  last: readonly number[] = EVERYTHING

  constructor(limit: number) {
    this.#limit = limit
  }

  wants(entry: Entry): boolean {
    return this.#entries.length < this.#limit || compare(entry, this.#entries[0] as Entry) < 0
  }

  /** What it wants. */
  add(entry: Entry): void {
    if (this.#entries.length < this.#limit) this.#rise(this.#entries.push(entry) - 1)
    else this.#sink(entry)
    if (this.#entries.length === this.#limit) this.last = (this.#entries[0] as Entry).keys
  }

  sorted(): readonly Entry[] {
    return this.#entries.toSorted(compare)
  }

  #rise(from: number): void {
    const entry = this.#entries[from] as Entry
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      if (compare(this.#entries[above] as Entry, entry) >= 0) break
      this.#entries[place] = this.#entries[above] as Entry
      place = above
    }
    this.#entries[place] = entry
  }

  /** Takes the place of the top. */
  #sink(entry: Entry): void {
    const entries = this.#entries
    let place = 0
    for (;;) {
      let below = 2 * place + 1
      if (below >= entries.length) break
      if (below + 1 < entries.length && compare(entries[below + 1] as Entry, entries[below] as Entry) > 0) below++
      if (compare(entries[below] as Entry, entry) <= 0) break
      entries[place] = entries[below] as Entry
      place = below
    }
    entries[place] = entry
  }
}
