import type { Clock } from '@damselfly/shared'

/**
 * How long digests are gathered before the children are told; milliseconds. Each assignment brings its own digest, so that
 * nobody waits for these: they are for the time after the supernode, and told one by one they would be a third of all
 * messages.
 */
const GATHER_MS = 250

/** What became known of a content and was not told yet. */
export class FreshNews {
  readonly #clock: Clock
  readonly #tell: () => void
  #lengthIsKnown = false
  #pieces: number[] = []
  #cancel: (() => void) | undefined

  /** @param tell takes the news and tells the children */
  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** Children may wait for the length, and are told in this turn of the event loop. */
  addLength(): void {
    this.#lengthIsKnown = true
    setImmediate(this.#tell)
  }

  addDigest(piece: number): void {
    this.#pieces.push(piece)
    this.#cancel ??= this.#clock.after(GATHER_MS, this.#tell)
  }

  /** Gives out everything, once. */
  take(): { readonly lengthIsKnown: boolean; readonly pieces: readonly number[] } {
    const news = { lengthIsKnown: this.#lengthIsKnown, pieces: this.#pieces }
    this.#cancel?.()
    this.#cancel = undefined
    this.#lengthIsKnown = false
    this.#pieces = []
    return news
  }
}
