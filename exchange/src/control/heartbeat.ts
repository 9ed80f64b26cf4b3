import type { Clock } from '@damselfly/shared'

/** How often a side of a channel looks whether the other is alive, and how long it puts up with silence. */
export interface HeartbeatPace {
  /** From one look to the next; milliseconds. */
  readonly everyMs: number
  /** After so many looks in a row that found nothing new the other side counts as dead; at least 2. */
  readonly looks: number
}

/** A peer misses its supernode after 12 to 15 s, having asked three times. */
export const PEER_PACE: HeartbeatPace = { everyMs: 3_000, looks: 4 }

/**
 * The supernode misses a peer after 14 to 21 s. It looks less often than an idle peer asks, so that
 * with ten thousand peers it asks only those that have fallen silent.
 */
export const SUPERNODE_PACE: HeartbeatPace = { everyMs: 7_000, looks: 2 }

export interface HeartbeatOptions extends HeartbeatPace {
  readonly clock: Clock
  /** Asks the other side for a sign of life. */
  readonly ask: () => void
  /** Called once, with how long there was silence at least; milliseconds. */
  readonly dead: (silentMs: number) => void
}

/**
 * Notices that the other side is gone where no connection breaks: its host froze or a cable was pulled.
 * It counts looks and not time, so that a process which was stopped itself first hears what came meanwhile.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  #hasHeard = true
  #silentLooks = 0
  #cancel: () => void

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#cancel = this.#next()
  }

  /** The other side said something. */
  heard(): void {
    this.#hasHeard = true
  }

  /** Idempotent. */
  end(): void {
    this.#cancel()
  }

  #next(): () => void {
    return this.#options.clock.after(this.#options.everyMs, () => this.#look())
  }

  #look(): void {
    const { everyMs, looks, ask, dead } = this.#options
    this.#silentLooks = this.#hasHeard ? 0 : this.#silentLooks + 1
    this.#hasHeard = false
    if (this.#silentLooks >= looks) return dead(looks * everyMs)
    this.#cancel = this.#next()
    if (this.#silentLooks > 0) ask()
  }
}
