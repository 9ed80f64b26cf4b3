/** How many peers held each piece, from time to time. */
export interface AvailabilitySample {
  /** Milliseconds. */
  readonly at: number
  readonly copies: Int32Array
}

/** When there are more samples than this, every second one is dropped. */
const MOST_SAMPLES = 256

/** Counts copies, and keeps evenly spaced samples of how many there were, however long it takes. */
export class Availability {
  readonly #copies: Int32Array
  #samples: AvailabilitySample[] = []
  #everyMs: number
  #nextAt = 0

  /** @param everyMs the space between samples at first */
  constructor(pieces: number, everyMs: number) {
    this.#copies = new Int32Array(pieces)
    this.#everyMs = everyMs
  }

  get samples(): readonly AvailabilitySample[] {
    return this.#samples
  }

  change(piece: number, by: 1 | -1): void {
    this.#copies[piece] = (this.#copies[piece] as number) + by
  }

  /** Nothing changes until `now`. */
  timePasses(now: number): void {
    while (this.#nextAt < now) this.#sample()
  }

  #sample(): void {
    this.#samples.push({ at: this.#nextAt, copies: this.#copies.slice() })
    this.#nextAt += this.#everyMs
    if (this.#samples.length <= MOST_SAMPLES) return
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0)
    this.#everyMs *= 2
    this.#nextAt = (this.#samples.at(-1)?.at ?? 0) + this.#everyMs
  }
}
