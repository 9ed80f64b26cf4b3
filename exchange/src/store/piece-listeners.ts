import { messageOf, type Sha256 } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'

export type PieceListener = (index: number, digest: Sha256) => void

/** Whoever wants to hear of every newly verified piece. */
export class PieceListeners {
  readonly #listeners = new Set<PieceListener>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** @returns the function that removes it. */
  add(listener: PieceListener): () => void {
    // A wrapper, so that one function added twice is called, and removed, twice.
    const added: PieceListener = (index, digest) => listener(index, digest)
    this.#listeners.add(added)
    return () => this.#listeners.delete(added)
  }

  /** One that fails keeps nobody else from hearing of the piece. */
  announce(index: number, digest: Sha256): void {
    for (const listener of this.#listeners) {
      try {
        listener(index, digest.slice())
      } catch (error) {
        this.#logger.error({ index, reason: messageOf(error) }, 'a piece listener failed')
      }
    }
  }
}
