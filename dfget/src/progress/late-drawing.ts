import type { DownloadProgress } from '@damselfly/dfdaemon'
import type { Drawing } from './line-reporter.ts'

/** A download that is over at once is looked at when it starts and when it ends. */
const LOOKS_AT_LEAST = 2

/** Begins when a download takes long enough to be watched: most small ones do not, and need no drawing loaded. */
export class LateDrawing implements Drawing {
  readonly #load: () => Promise<Drawing>
  #looks = 0
  #drawing: Drawing | undefined

  constructor(load: () => Promise<Drawing>) {
    this.#load = load
  }

  draw(progress: DownloadProgress): void {
    this.#looks++
    if (this.#looks === LOOKS_AT_LEAST + 1) void this.#load().then((drawing) => (this.#drawing = drawing))
    this.#drawing?.draw(progress)
  }

  clear(): void {
    this.#drawing?.clear()
  }
}
