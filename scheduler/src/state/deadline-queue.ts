import TinyQueue from 'tinyqueue'

interface Deadline<T> {
  readonly at: number
  readonly item: T
}

/** Items with the time at which they fall due. What became void meanwhile is skipped, not searched for. */
export class DeadlineQueue<T> {
  readonly #isVoid: (item: T, at: number) => boolean
  readonly #queue = new TinyQueue<Deadline<T>>([], (a, b) => a.at - b.at)

  /** @param isVoid whether an item no longer needs to fall due at that time. */
  constructor(isVoid: (item: T, at: number) => boolean) {
    this.#isVoid = isVoid
  }

  push(item: T, at: number): void {
    this.#queue.push({ at, item })
  }

  /** When the first item falls due. */
  next(): number | undefined {
    for (;;) {
      const first = this.#queue.peek()
      if (first === undefined || !this.#isVoid(first.item, first.at)) return first?.at
      this.#queue.pop()
    }
  }

  /** Whether some item is due by `now`. */
  isDue(now: number): boolean {
    const next = this.next()
    return next !== undefined && next <= now
  }

  /** The first item that is due by `now`, taken out. */
  popDue(now: number): T | undefined {
    return this.isDue(now) ? this.#queue.pop()?.item : undefined
  }
}
