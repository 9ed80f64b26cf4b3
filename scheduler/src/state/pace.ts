/** What the newest transfer weighs in a distribution. */
const NEWEST_WEIGHT = 0.05

/** A distribution of fewer transfers says too little. */
const FEWEST = 30

/** However alike the others are, one that is less than so many times slower is no outlier. */
const LEAST_FACTOR = 8

/** How many standard deviations an outlier lies beyond the mean. */
const DEVIATIONS = 3

/**
 * How long bytes take, as a distribution of logarithms: of what differs by factors rather than by amounts, that is
 * nearest to a normal one. Old transfers fade.
 */
export class Pace {
  #mean = 0
  #variance = 0
  #count = 0

  /** Of how many transfers it is, as far as that matters. */
  get isKnown(): boolean {
    return this.#count >= FEWEST
  }

  /** How many times longer than usual a transfer took. @param msPerByte above 0 */
  factorOf(msPerByte: number): number {
    return this.#count === 0 ? 1 : Math.exp(Math.log(msPerByte) - this.#mean)
  }

  /**
   * Takes note of a transfer.
   *
   * @param msPerByte above 0
   * @returns whether it lies far beyond the others
   */
  note(msPerByte: number): boolean {
    const limit = this.#limit
    const value = Math.log(msPerByte)
    const isBeyond = this.isKnown && value > limit
    // One that is beyond all measure must not spoil it; that all have become slower shows all the same.
    this.#learn(isBeyond ? limit : value)
    return isBeyond
  }

  get #limit(): number {
    return this.#mean + Math.max(Math.log(LEAST_FACTOR), DEVIATIONS * Math.sqrt(this.#variance))
  }

  #learn(value: number): void {
    this.#count = Math.min(FEWEST, this.#count + 1)
    const weight = Math.max(NEWEST_WEIGHT, 1 / this.#count)
    const difference = value - this.#mean
    this.#mean += weight * difference
    this.#variance = (1 - weight) * (this.#variance + weight * difference * difference)
  }
}
