import type { Clock } from '@damselfly/shared'

/** Tells when nothing has happened for some time. Costs next to nothing for each thing that happens. */
export class IdleTimer {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #onIdle: () => void
  #since = 0
  #isRunning = false
  #cancel: (() => void) | undefined

  /** @param idleMs milliseconds */
  constructor(clock: Clock, idleMs: number, onIdle: () => void) {
    this.#clock = clock
    this.#idleMs = idleMs
    this.#onIdle = onIdle
  }

  /** Something has happened, and from now on more is awaited. */
  touch(): void {
    this.#since = this.#clock.now()
    this.#isRunning = true
    if (this.#cancel === undefined) this.#wait(this.#idleMs)
  }

  /** Nothing is awaited until the next `touch`. */
  rest(): void {
    this.#isRunning = false
  }

  /** For good. */
  stop(): void {
    this.#isRunning = false
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** One timer is set anew when it fires, not whenever something happens. */
  #wait(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined
      if (!this.#isRunning) return
      const left = this.#since + this.#idleMs - this.#clock.now()
      if (left > 0) this.#wait(left)
      else this.#onIdle()
    })
  }
}
