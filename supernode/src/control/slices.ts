import type { Clock } from '@damselfly/shared'

/** How long work may go on before others are heard; milliseconds. */
const SLICE_MS = 2

/** Does what comes in heaps a little at a time, so that what else has come to the event loop is handled in between. */
export class Slices {
  readonly #clock: Clock
  #waiting: (() => void)[] = []
  /** When the slice of this turn of the event loop began. */
  #begunAt: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Does it at once if the slice is not over, else in one of the next turns, in the order of the calls. @param work must not throw */
  run(work: () => void): void {
    if (this.#begunAt === undefined) this.#begin()
    if (this.#waiting.length === 0 && !this.#isOver) work()
    else this.#waiting.push(work)
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = []
  }

  get #isOver(): boolean {
    return this.#clock.now() - (this.#begunAt ?? 0) >= SLICE_MS
  }

  #begin(): void {
    this.#begunAt = this.#clock.now()
    setImmediate(() => this.#nextTurn())
  }

  #nextTurn(): void {
    this.#begunAt = undefined
    if (this.#waiting.length === 0) return
    this.#begin()
    do this.#waiting.shift()?.()
    while (this.#waiting.length > 0 && !this.#isOver)
  }
}
