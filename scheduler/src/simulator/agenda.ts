import TinyQueue from 'tinyqueue'

interface Entry {
  readonly at: number
  readonly order: number
  readonly action: () => void
}

/** What is to happen at which virtual time, in milliseconds; at the same time in the order of planning. */
export class Agenda {
  readonly #queue = new TinyQueue<Entry>([], (a, b) => a.at - b.at || a.order - b.order)
  #now = 0
  #planned = 0

  get now(): number {
    return this.#now
  }

  /** When the next thing happens; infinite if nothing is planned. */
  get next(): number {
    return this.#queue.peek()?.at ?? Infinity
  }

  /** Without delay it happens at once, before this returns. */
  after(delayMs: number, action: () => void): void {
    if (delayMs <= 0) action()
    else this.#queue.push({ at: this.#now + delayMs, order: this.#planned++, action })
  }

  /** Moves time on to `now`, no further than `next`. What is due then is done by `runDue`. */
  advance(now: number): void {
    this.#now = now
  }

  runDue(): void {
    while (this.next <= this.#now) this.#queue.pop()?.action()
  }
}
