/** A number for each piece, or for each seat; 0 until it is changed. */
export class Counts {
  #counts = new Int32Array(0)

  at(index: number): number {
    return index < this.#counts.length ? (this.#counts[index] as number) : 0
  }

  /** @returns the changed number. */
  change(index: number, by: number): number {
    if (index >= this.#counts.length) this.#grow(index + 1)
    const changed = (this.#counts[index] as number) + by
    this.#counts[index] = changed
    return changed
  }

  #grow(size: number): void {
    const larger = new Int32Array(Math.max(size, this.#counts.length * 2))
    larger.set(this.#counts)
    this.#counts = larger
  }
}
