import { Bitset } from '@damselfly/shared'

/** A set of piece indexes for a task whose number of pieces may not be known yet. */
export class GrowingSet {
  #bits = new Bitset(64)

  get count(): number {
    return this.#bits.count
  }

  has(index: number): boolean {
    return this.#bits.has(index)
  }

  /** @returns whether the member is new. */
  add(index: number): boolean {
    if (index >= this.#bits.size) this.#bits = this.#bits.resized(Math.max(this.#bits.size * 2, index + 1))
    return this.#bits.add(index)
  }

  clear(): void {
    this.#bits = new Bitset(64)
  }

  /** Whether it has a member that `other` lacks. */
  hasOtherThan(other: GrowingSet): boolean {
    for (const index of this.#bits.members()) if (!other.has(index)) return true
    return false
  }

  members(): Iterable<number> {
    return this.#bits.members()
  }
}
