import { DamselflyError, toDamselflyError, type Clock, type Sha256 } from '@damselfly/shared'
import type { OriginFetch } from './origin-fetch.ts'

export interface OriginWorkOptions {
  /** A fetch of this one piece. */
  readonly open: (index: number, onStored: (index: number, digest: Sha256) => void) => OriginFetch
  /** The piece is here. @param durationMs since it was assigned; milliseconds */
  readonly onStored: (index: number, digest: Sha256, durationMs: number) => void
  readonly onFailed: (index: number, error: DamselflyError) => void
  readonly clock: Clock
  /** What ends so is not reported. */
  readonly signal: AbortSignal
}

/** The pieces that the supernode has assigned to this peer to be fetched from the origin, each by a request of its own. */
export class OriginWork {
  readonly #options: OriginWorkOptions
  readonly #running = new Map<number, Promise<void>>()

  constructor(options: OriginWorkOptions) {
    this.#options = options
  }

  get running(): number {
    return this.#running.size
  }

  isFetching(index: number): boolean {
    return this.#running.has(index)
  }

  assign(index: number): void {
    if (this.#running.has(index)) return
    this.#running.set(index, this.#fetch(index).finally(() => this.#running.delete(index)))
  }

  /** Resolves when nothing is being fetched. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  async #fetch(index: number): Promise<void> {
    const { open, onStored, onFailed, clock, signal } = this.#options
    const startedAt = clock.now()
    let stored: { readonly digest: Sha256 } | undefined
    let failure: DamselflyError | undefined
    try {
      const keep = (one: number, digest: Sha256): void => {
        if (one === index) stored = { digest }
      }
      await open(index, keep).run()
    } catch (error) {
      failure = toDamselflyError(error)
    }
    if (signal.aborted) return
    // Whoever hears of the end may assign the same piece again.
    this.#running.delete(index)
    if (stored !== undefined) onStored(index, stored.digest, clock.now() - startedAt)
    else onFailed(index, failure ?? new DamselflyError('CANCELLED', `piece ${index} came from elsewhere`))
  }
}
