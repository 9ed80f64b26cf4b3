import type { Clock } from '@damselfly/shared'

/** A supernode that has not answered at all by then is too slow for a person who waits; milliseconds. */
const FIRST_ANSWER = 1_500

/** Once it has spoken it says at least every second that it is at work; milliseconds. */
const BETWEEN_SIGNS = 4_000

/** How often it is looked into why nothing comes; milliseconds. */
const BETWEEN_LOOKS = 60_000

export interface SupernodePatienceOptions {
  readonly clock: Clock
  /** It says nothing of the task; again and again while it stays silent. */
  readonly onSilent: () => void
  /** Nothing has come for so long, whatever it says; again and again. Milliseconds. */
  readonly onFruitless: (idleMs: number) => void
}

/** How long a child waits for its supernode before it looks for help elsewhere. */
export class SupernodePatience {
  readonly #options: SupernodePatienceOptions
  #progressAt: number
  #cancelSilence: (() => void) | undefined
  #cancelLook: () => void
  #isOver = false

  constructor(options: SupernodePatienceOptions) {
    this.#options = options
    this.#progressAt = options.clock.now()
    this.#cancelLook = this.#lookLater()
  }

  /** The supernode is asked. */
  begin(): void {
    this.#waitForSign(FIRST_ANSWER)
  }

  /** The supernode spoke of the task. */
  signOfLife(): void {
    if (this.#cancelSilence !== undefined) this.#waitForSign(BETWEEN_SIGNS)
  }

  /** Something came: an assignment, a piece from wherever, or bytes at the CDN. The last may come after the end. */
  progress(): void {
    if (this.#isOver) return
    this.#progressAt = this.#options.clock.now()
    this.#cancelLook()
    this.#cancelLook = this.#lookLater()
    this.signOfLife()
  }

  /** No word is expected of the supernode until `begin`. */
  expectNothing(): void {
    this.#cancelSilence?.()
    this.#cancelSilence = undefined
  }

  /** Idempotent. */
  end(): void {
    this.#isOver = true
    this.expectNothing()
    this.#cancelLook()
  }

  #waitForSign(ms: number): void {
    this.#cancelSilence?.()
    this.#cancelSilence = this.#options.clock.after(ms, () => {
      this.#waitForSign(BETWEEN_SIGNS)
      this.#options.onSilent()
    })
  }

  #lookLater(): () => void {
    const { clock, onFruitless } = this.#options
    return clock.after(BETWEEN_LOOKS, () => {
      this.#cancelLook = this.#lookLater()
      onFruitless(clock.now() - this.#progressAt)
    })
  }
}
