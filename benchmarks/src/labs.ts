import { setTimeout as sleep } from 'node:timers/promises'
import { Lab } from '@damselfly/test'

/** How long work may go on whose lab was stopped; milliseconds. */
const GRACE = 10_000

/** The labs that are open, so that all can be stopped at once. */
export class Labs {
  /** With the end of the work in each. */
  readonly #open = new Map<Lab, Promise<unknown>>()
  #closed = false

  get isClosed(): boolean {
    return this.#closed
  }

  /** @throws Error after `close` */
  async with<T>(work: (lab: Lab) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('interrupted')
    const lab = await Lab.create()
    const ended = this.#within(lab, work)
    this.#open.set(lab, ended)
    return ended
  }

  /** Stops those that are open and opens no more. Resolves when the work in them has ended too, failing as a rule. */
  async close(): Promise<void> {
    this.#closed = true
    const open = [...this.#open]
    await Promise.all(open.map(async ([lab]) => lab.stop()))
    // Work that has not noticed yet may just be starting a program; its own end stops that one.
    await Promise.race([Promise.allSettled(open.map(async ([, ended]) => ended)), sleep(GRACE, undefined, { ref: false })])
  }

  async #within<T>(lab: Lab, work: (lab: Lab) => Promise<T>): Promise<T> {
    try {
      return await work(lab)
    } finally {
      await lab.stop()
      this.#open.delete(lab)
    }
  }
}
