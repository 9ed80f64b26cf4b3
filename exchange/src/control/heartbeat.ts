import type { Clock } from '@damselfly/shared'

/** How often a side of a channel looks whether the other is alive, and how long it puts up with silence. */
export interface HeartbeatPace {
  /** From one look to the next; milliseconds. */
  readonly everyMs: number
  /** After so many looks in a row that found no answer to what was said the other side counts as dead; at least 2. */
  readonly looks: number
  /** After so many looks in a row at which neither side had said anything the other side is asked. */
  readonly calmLooks: number
}

/**
 * A peer misses its supernode 12 to 15 s after it said something. While nothing is said it asks every 24 to 27 s: what
 * thousands of idle peers ask is most of what a supernode does all day. A host that is gone meanwhile is noticed by TCP.
 */
export const PEER_PACE: HeartbeatPace = { everyMs: 3_000, looks: 5, calmLooks: 8 }

/** The supernode misses a peer 14 to 21 s after it said something. It asks only those that should have asked by themselves. */
export const SUPERNODE_PACE: HeartbeatPace = { everyMs: 7_000, looks: 3, calmLooks: 4 }

/**
 * All look at full seconds of the clock: thousands that each wake the process up at a moment of its own cost it as much as
 * what is said. Milliseconds.
 */
const TOGETHER_MS = 1_000

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
  /** Whether something was said since the other side was heard last. */
  #awaits = false
  #unansweredLooks = 0
  #calmLooks = 0
  #cancel: () => void

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#cancel = this.#lookAfter(options.everyMs - (options.clock.now() % TOGETHER_MS))
  }

  /** The other side said something. */
  heard(): void {
    this.#hasHeard = true
    this.#awaits = false
  }

  /** This side said something by itself, so that silence would now mean something. */
  said(): void {
    this.#awaits = true
  }

  /** Idempotent. */
  end(): void {
    this.#cancel()
  }

  #lookAfter(ms: number): () => void {
    return this.#options.clock.after(ms, () => this.#look())
  }

  #look(): void {
    const { everyMs, looks, calmLooks, ask, dead } = this.#options
    this.#count()
    if (this.#unansweredLooks >= looks) return dead((looks - 1) * everyMs)
    this.#cancel = this.#lookAfter(everyMs)
    if (this.#unansweredLooks === 0 && this.#calmLooks < calmLooks) return
    this.#awaits = true
    ask()
  }

  #count(): void {
    if (this.#hasHeard) this.#unansweredLooks = this.#calmLooks = 0
    else if (this.#awaits) this.#unansweredLooks++
    else this.#calmLooks++
    this.#hasHeard = false
  }
}
