import type { Clock } from '@damselfly/shared'

/** A supernode that has not answered at all by then is too slow for a person who waits; milliseconds. */
const FIRST_ANSWER = 1_500

/** Once it has spoken it says at least every second that it is at work; milliseconds. */
const BETWEEN_SIGNS = 4_000

/** Calls `onSilent` when the supernode says nothing of a task for too long. */
export class SupernodePatience {
  readonly #clock: Clock
  readonly #onSilent: () => void
  #cancel: (() => void) | undefined

  constructor(clock: Clock, onSilent: () => void) {
    this.#clock = clock
    this.#onSilent = onSilent
  }

  begin(): void {
    this.#restart(FIRST_ANSWER)
  }

  signOfLife(): void {
    this.#restart(BETWEEN_SIGNS)
  }

  end(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #restart(ms: number): void {
    this.end()
    this.#cancel = this.#clock.after(ms, this.#onSilent)
  }
}
