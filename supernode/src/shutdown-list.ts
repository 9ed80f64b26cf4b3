/** Ends one part. @param graceMs how long it may wait for work under way */
export type Shutdown = (graceMs: number) => Promise<void> | void

/** What is to be ended, the last one started first. */
export class ShutdownList {
  readonly #parts: Shutdown[] = []

  add(part: Shutdown): void {
    this.#parts.push(part)
  }

  /** Ends every part, even where one fails. @throws AggregateError of those that failed */
  async run(graceMs: number): Promise<void> {
    const errors: unknown[] = []
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      try {
        await part(graceMs)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'not everything could be stopped')
  }
}
