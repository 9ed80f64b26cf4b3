import type { PeerId, TaskId } from '@damselfly/shared'
import type { BackToSourceReason, PieceOrder } from '../contract.ts'
import { CHUNK_SIZE, DecisionChunk } from './decision-chunk.ts'
import type { AssignmentOutcome, AssignmentView, DecisionObserver } from './decision-observer.ts'
import type { Decision } from './decision.ts'

export interface DecisionTraceOptions {
  /** Decisions of one task that are kept; rounded up to whole chunks. */
  readonly perTask: number
  /** Decisions that are kept in all; rounded up likewise. */
  readonly total: number
}

/** What is asked of the trace of a task. */
export interface DecisionQuery {
  /** The child. */
  readonly child?: PeerId | undefined
  /** Together with a child, what happened to the child as a whole is found too. */
  readonly piece?: number | undefined
  /** Only decisions with a higher number. */
  readonly after?: number | undefined
  readonly limit: number
}

export interface DecisionPage {
  /** In the order in which they were made. */
  readonly decisions: readonly Decision[]
  /** Whether there are more that match. */
  readonly hasMore: boolean
  /** The number of the oldest decision that is still kept of the task. */
  readonly oldest: number
  /** Whether there were older ones. */
  readonly isCut: boolean
}

/** Chunks of one task, the oldest first; their numbers follow each other. */
interface TaskTrace {
  readonly chunks: DecisionChunk[]
  isCut: boolean
}

/**
 * The latest decisions of each task, in bounded memory: of a task that has too many its oldest are forgotten, and when
 * there are too many in all, the oldest of all. A task that is gone can still be asked about.
 */
export class DecisionTrace implements DecisionObserver {
  readonly #perTask: number
  readonly #total: number
  readonly #tasks = new Map<TaskId, TaskTrace>()
  /** In the order of their first decisions. */
  readonly #chunks = new Set<DecisionChunk>()
  #lastTask: TaskId | undefined
  #lastTrace: TaskTrace | undefined
  /** So many decisions were ever made: no number is used twice, even by a task that was forgotten between. */
  #made = 0

  constructor({ perTask, total }: DecisionTraceOptions) {
    this.#perTask = Math.ceil(perTask / CHUNK_SIZE)
    this.#total = Math.ceil(total / CHUNK_SIZE)
  }

  joined(task: TaskId, child: PeerId, order: PieceOrder, now: number): void {
    this.#chunkOf(task).addJoin(child, order, now)
  }

  assigned(assignment: AssignmentView): number {
    const chunk = this.#chunkOf(assignment.task)
    chunk.addAssignment(assignment)
    return chunk.first + chunk.count - 1
  }

  ended(task: TaskId, decision: number, outcome: AssignmentOutcome, now: number): void {
    const chunks = this.#traceOf(task)?.chunks
    const oldest = chunks?.[0]
    if (chunks === undefined || oldest === undefined || decision < oldest.first) return
    const row = decision - oldest.first
    chunks[Math.floor(row / CHUNK_SIZE)]?.end(row % CHUNK_SIZE, outcome, now)
  }

  sentToSource(task: TaskId, child: PeerId, reason: BackToSourceReason, now: number): void {
    this.#chunkOf(task).addSource(child, reason, now)
  }

  /** Those of which anything is kept. */
  get tasks(): Iterable<TaskId> {
    return this.#tasks.keys()
  }

  /** Whether anything is kept of the task. */
  has(task: TaskId): boolean {
    return this.#tasks.has(task)
  }

  /** Children of the task whose id ends like this, or the one whose whole id it is. */
  childrenEnding(task: TaskId, ending: string): readonly PeerId[] {
    const found = new Set<PeerId>()
    for (const chunk of this.#tasks.get(task)?.chunks ?? []) {
      for (let row = 0; row < chunk.count; row++) {
        const child = chunk.childOf(row)
        if (child === ending) return [child]
        if (child.endsWith(ending)) found.add(child)
      }
    }
    return [...found]
  }

  query(task: TaskId, { child, piece, after = -1, limit }: DecisionQuery): DecisionPage {
    const { chunks = [], isCut = false } = this.#tasks.get(task) ?? {}
    const decisions: Decision[] = []
    const oldest = chunks[0]?.first ?? 0
    for (const chunk of chunks) {
      for (let row = Math.max(0, after + 1 - chunk.first); row < chunk.count; row++) {
        if (!chunk.matches(row, child, piece)) continue
        if (decisions.length === limit) return { decisions, hasMore: true, oldest, isCut }
        decisions.push(chunk.decision(row))
      }
    }
    return { decisions, hasMore: false, oldest, isCut }
  }

  /** Where the next decision of the task is written. */
  #chunkOf(task: TaskId): DecisionChunk {
    this.#made++
    const trace = this.#traceOf(task) ?? { chunks: [], isCut: false }
    const last = trace.chunks[trace.chunks.length - 1]
    if (last !== undefined && last.count < CHUNK_SIZE) return last
    const first = last === undefined ? this.#made : last.first + CHUNK_SIZE
    const chunk = this.#freeChunk(trace, task, first)
    trace.chunks.push(chunk)
    // Perhaps again: the chunk may have been the task's only one.
    this.#tasks.set(task, trace)
    this.#lastTrace = trace
    this.#chunks.add(chunk)
    return chunk
  }

  /** Mostly it is the one that was asked for last. */
  #traceOf(task: TaskId): TaskTrace | undefined {
    if (task !== this.#lastTask) {
      this.#lastTask = task
      this.#lastTrace = this.#tasks.get(task)
    }
    return this.#lastTrace
  }

  #freeChunk(trace: TaskTrace, task: TaskId, first: number): DecisionChunk {
    const isFull = trace.chunks.length >= this.#perTask
    const [oldest] = isFull ? trace.chunks : this.#chunks.size >= this.#total ? this.#chunks : []
    if (oldest === undefined) return new DecisionChunk(task, first)
    this.#forget(oldest)
    oldest.reuse(task, first)
    return oldest
  }

  /** The oldest chunk of all is the first of its task. */
  #forget(chunk: DecisionChunk): void {
    this.#chunks.delete(chunk)
    const owner = this.#tasks.get(chunk.task)
    if (owner === undefined) return
    owner.chunks.shift()
    owner.isCut = true
    if (owner.chunks.length > 0) return
    this.#tasks.delete(chunk.task)
    if (owner === this.#lastTrace) this.#lastTrace = undefined
  }
}
