import type { Clock } from '@damselfly/shared'
import { ConnectionCount, LOOK_EVERY_MS } from './connection-count.ts'

export interface HelpersInit {
  /** Connections at most, the first one included. */
  readonly max: number
  readonly clock: Clock
  /** Bytes that have come over all connections. */
  readonly received: () => number
  /**
   * Fetches one portion after the other over a further connection. Resolves when none is left or it is no longer wanted,
   * rejects when it cannot go on.
   */
  readonly help: (isWanted: () => boolean, signal: AbortSignal) => Promise<void>
  readonly onFailed: (error: unknown) => void
}

/** The connections that help the first one. What goes wrong with them is no harm: what they leave the first one fetches. */
export class Helpers {
  readonly #init: HelpersInit
  readonly #count: ConnectionCount
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #cancelTimer: (() => void) | undefined

  constructor(init: HelpersInit) {
    this.#init = init
    this.#count = new ConnectionCount(init.max, init.clock)
    this.#lookLater()
  }

  /** Of all connections, the first one included. */
  get count(): number {
    return this.#running.size + 1
  }

  /** Resolves when one of them has ended; at once if there is none. */
  async oneEnded(): Promise<void> {
    if (this.#running.size > 0) await Promise.race(this.#running)
  }

  /** Breaks off what they do. Resolves when none is left. Idempotent. */
  async stop(): Promise<void> {
    this.#cancelTimer?.()
    if (this.#running.size > 0) this.#stop.abort()
    await Promise.all(this.#running)
  }

  #lookLater(): void {
    this.#cancelTimer = this.#init.clock.after(LOOK_EVERY_MS, () => {
      this.#lookLater()
      this.#count.look(this.#init.received())
      if (this.count < this.#count.wanted) this.#begin()
    })
  }

  #begin(): void {
    const isWanted = (): boolean => this.count <= this.#count.wanted
    const running = this.#init
      .help(isWanted, this.#stop.signal)
      .catch((error: unknown) => {
        if (this.#stop.signal.aborted) return
        this.#count.failed()
        this.#init.onFailed(error)
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }
}
