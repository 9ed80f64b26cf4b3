/** A number for each piece; 0 until it is changed. */
export class PieceCounts {
  #counts = new Int32Array(0)

  at(piece: number): number {
    return piece < this.#counts.length ? (this.#counts[piece] as number) : 0
  }

  /** @returns the changed number. */
  change(piece: number, by: number): number {
    if (piece >= this.#counts.length) this.#grow(piece + 1)
    const changed = (this.#counts[piece] as number) + by
    this.#counts[piece] = changed
    return changed
  }

  #grow(size: number): void {
    const larger = new Int32Array(Math.max(size, this.#counts.length * 2))
    larger.set(this.#counts)
    this.#counts = larger
  }
}
