import type { Clock } from '@damselfly/shared'

/** How long work may go on before others are heard; milliseconds. */
const SLICE_MS = 2

export interface FairTurnsInit<K> {
  readonly clock: Clock
  /** How long nothing is to be done for this one; milliseconds, 0: its turn may come. */
  readonly waitOf: (who: K) => number
}

/**
 * Does what comes in heaps a little at a time, so that what else has come to the event loop is handled in between. Those for
 * whom it is done take turns, and none has one while it is to wait.
 */
export class FairTurns<K> {
  readonly #init: FairTurnsInit<K>
  /** In the order of their turns. */
  readonly #queues = new Map<K, (() => void)[]>()
  /** When the slice of this turn of the event loop began. */
  #begunAt: number | undefined
  #cancelWait: (() => void) | undefined

  constructor(init: FairTurnsInit<K>) {
    this.#init = init
  }

  /** Does it at once if nothing is before it and the slice is not over, else in one of the next turns. @param work must not throw */
  run(who: K, work: () => void): void {
    if (this.#begunAt === undefined) this.#begin()
    if (!this.#queues.has(who) && !this.#isOver && this.#init.waitOf(who) === 0) return work()
    const queue = this.#queues.get(who)
    if (queue === undefined) this.#queues.set(who, [work])
    else queue.push(work)
  }

  /** Forgets what waits. */
  clear(): void {
    this.#queues.clear()
    this.#cancelWait?.()
    this.#cancelWait = undefined
  }

  /** Forgets what waits for this one. */
  forget(who: K): void {
    this.#queues.delete(who)
  }

  get #isOver(): boolean {
    return this.#init.clock.now() - (this.#begunAt ?? 0) >= SLICE_MS
  }

  #begin(): void {
    this.#begunAt = this.#init.clock.now()
    this.#cancelWait?.()
    this.#cancelWait = undefined
    setImmediate(() => this.#nextTurn())
  }

  #nextTurn(): void {
    this.#begunAt = undefined
    if (this.#queues.size === 0) return
    this.#begunAt = this.#init.clock.now()
    const wait = this.#work()
    if (this.#queues.size === 0 || wait === 0) return this.#begin()
    // All who wait for a turn have had too much.
    this.#begunAt = undefined
    this.#cancelWait = this.#init.clock.after(wait, () => this.#begin())
  }

  /** @returns how long there is nothing to do; milliseconds, 0: there is more now */
  #work(): number {
    for (;;) {
      const next = this.#next()
      if (typeof next === 'number') return next
      const [who, queue] = next
      const work = queue.shift()
      // To the end of the line.
      this.#queues.delete(who)
      if (queue.length > 0) this.#queues.set(who, queue)
      work?.()
      if (this.#queues.size === 0 || this.#isOver) return 0
    }
  }

  /** Whose turn it is, or how long nobody's is; milliseconds. */
  #next(): readonly [K, (() => void)[]] | number {
    let shortest = Number.POSITIVE_INFINITY
    for (const entry of this.#queues) {
      const wait = this.#init.waitOf(entry[0])
      if (wait === 0) return entry
      shortest = Math.min(shortest, wait)
    }
    return shortest
  }
}
