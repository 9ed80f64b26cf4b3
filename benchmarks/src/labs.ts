import { Lab } from '@damselfly/test'

/** The labs that are open, so that all can be stopped at once. */
export class Labs {
  readonly #open = new Set<Lab>()
  #closed = false

  get isClosed(): boolean {
    return this.#closed
  }

  /** @throws Error after `close` */
  async with<T>(work: (lab: Lab) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('interrupted')
    const lab = await Lab.create()
    this.#open.add(lab)
    try {
      return await work(lab)
    } finally {
      await lab.stop()
      this.#open.delete(lab)
    }
  }

  /** Stops those that are open and opens no more. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#open].map((lab) => lab.stop()))
  }
}
