import type { Clock } from '@damselfly/shared'

/** A supernode that has not answered at all by then is too slow for a person who waits; milliseconds. */
const FIRST_ANSWER = 1_500

/** Once it has spoken it says at least every second that it is at work; milliseconds. */
const BETWEEN_SIGNS = 4_000

/** Signs of life without a piece are looked into this often; milliseconds. */
const BETWEEN_LOOKS = 60_000

export interface SupernodePatienceOptions {
  readonly clock: Clock
  /** It says nothing of the task; again and again while it stays silent. */
  readonly onSilent: () => void
  /** It says that it is at work, yet nothing has come of it for so long; again and again. Milliseconds. */
  readonly onFruitless: (idleMs: number) => void
}

/** How long a child waits for its supernode before it looks for help elsewhere. */
export class SupernodePatience {
  readonly #options: SupernodePatienceOptions
  #progressAt = 0
  #cancelSilence: (() => void) | undefined
  #cancelLook: (() => void) | undefined

  constructor(options: SupernodePatienceOptions) {
    this.#options = options
  }

  /** The supernode is asked. */
  begin(): void {
    this.#waitForSign(FIRST_ANSWER)
    this.#noteProgress()
  }

  /** The supernode spoke of the task. */
  signOfLife(): void {
    if (this.#cancelSilence !== undefined) this.#waitForSign(BETWEEN_SIGNS)
  }

  /** Something came of it: an assignment, a piece, or bytes at the CDN. */
  progress(): void {
    // What came from others while nothing was expected of the supernode does not concern it.
    if (this.#cancelSilence === undefined) return
    this.#waitForSign(BETWEEN_SIGNS)
    this.#noteProgress()
  }

  /** Nothing is expected of the supernode until `begin`. Idempotent. */
  end(): void {
    this.#cancelSilence?.()
    this.#cancelLook?.()
    this.#cancelSilence = undefined
    this.#cancelLook = undefined
  }

  #noteProgress(): void {
    this.#progressAt = this.#options.clock.now()
    this.#waitToLook()
  }

  #waitForSign(ms: number): void {
    this.#cancelSilence?.()
    this.#cancelSilence = this.#options.clock.after(ms, () => {
      this.#waitForSign(BETWEEN_SIGNS)
      this.#options.onSilent()
    })
  }

  #waitToLook(): void {
    const { clock, onFruitless } = this.#options
    this.#cancelLook?.()
    this.#cancelLook = clock.after(BETWEEN_LOOKS, () => {
      this.#waitToLook()
      onFruitless(clock.now() - this.#progressAt)
    })
  }
}
