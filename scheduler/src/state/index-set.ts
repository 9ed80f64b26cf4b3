/**
 * A growing set of small numbers (pieces, or seats in a swarm), 32 to a word, so that sets are compared in few steps. The
 * words are signed, and in a plain array: there are two sets for each peer in a task, and of a typed array the head alone
 * takes more memory than most of them.
 */
export class IndexSet {
  #words: number[] = EMPTY
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Words from this one on are empty. */
  get wordCount(): number {
    return this.#words.length
  }

  /** Until the set changes. */
  get words(): readonly number[] {
    return this.#words
  }

  has(index: number): boolean {
    const word = index >>> 5
    return word < this.#words.length && (((this.#words[word] as number) >>> (index & 31)) & 1) === 1
  }

  /** @returns whether the index is new. */
  add(index: number): boolean {
    const word = index >>> 5
    if (word >= this.#words.length) this.#grow(word + 1)
    const before = this.#words[word] as number
    const bit = 1 << (index & 31)
    if ((before & bit) !== 0) return false
    this.#words[word] = before | bit
    this.#count++
    return true
  }

  /** @returns whether the index was there. */
  delete(index: number): boolean {
    const word = index >>> 5
    if (word >= this.#words.length) return false
    const before = this.#words[word] as number
    const bit = 1 << (index & 31)
    if ((before & bit) === 0) return false
    this.#words[word] = before & ~bit
    this.#count--
    return true
  }

  /** The lowest number from `from` on that is not in the set. */
  firstMissing(from = 0): number {
    const first = from >>> 5
    for (let word = first; word < this.#words.length; word++) {
      const missing = ~(this.#words[word] as number) & (word === first ? -1 << (from & 31) : -1)
      if (missing !== 0) return word * 32 + lowestBit(missing)
    }
    return Math.max(from, this.#words.length * 32)
  }

  /** The lowest member from `from` on that is in the other set too; undefined if there is none. */
  firstShared(other: IndexSet, from: number): number | undefined {
    const words = Math.min(this.#words.length, other.#words.length)
    let mask = -1 << (from & 31)
    for (let word = from >>> 5; word < words; word++) {
      const bits = (this.#words[word] as number) & (other.#words[word] as number) & mask
      if (bits !== 0) return word * 32 + lowestBit(bits)
      mask = -1
    }
    return undefined
  }

  intersects(other: IndexSet): boolean {
    const words = Math.min(this.#words.length, other.#words.length)
    for (let word = 0; word < words; word++) {
      if (((this.#words[word] as number) & (other.#words[word] as number)) !== 0) return true
    }
    return false
  }

  /** Whether some number is in both sets, and not in the third. */
  intersectsOutside(other: IndexSet, third: IndexSet): boolean {
    const words = Math.min(this.#words.length, other.#words.length)
    for (let word = 0; word < words; word++) {
      const outside = word < third.#words.length ? ~(third.#words[word] as number) : -1
      if (((this.#words[word] as number) & (other.#words[word] as number) & outside) !== 0) return true
    }
    return false
  }

  /** Whether the other set has every member. */
  isWithin(other: IndexSet): boolean {
    for (let word = 0; word < this.#words.length; word++) {
      const rest = word < other.#words.length ? ~(other.#words[word] as number) : -1
      if (((this.#words[word] as number) & rest) !== 0) return false
    }
    return true
  }

  /** Whether some number is in all three sets. */
  intersectsBoth(second: IndexSet, third: IndexSet): boolean {
    const words = Math.min(this.#words.length, second.#words.length, third.#words.length)
    for (let word = 0; word < words; word++) {
      const bits = (this.#words[word] as number) & (second.#words[word] as number) & (third.#words[word] as number)
      if (bits !== 0) return true
    }
    return false
  }

  /** In ascending order, from `from` on. Members that are deleted on the way are not met again. */
  *members(from = 0): Generator<number> {
    const first = from >>> 5
    for (let word = first; word < this.#words.length; word++) {
      let bits = (this.#words[word] as number) & (word === first ? -1 << (from & 31) : -1)
      while (bits !== 0) {
        yield word * 32 + lowestBit(bits)
        bits &= bits - 1
      }
    }
  }

  #grow(words: number): void {
    const before = this.#words
    const size = Math.max(words, before.length * 2)
    // Of the exact size: one that is pushed to has room for 17 at once.
    this.#words = Array.from({ length: size }, (_, word) => before[word] ?? 0)
  }
}

/** Never written to: it grows first. */
const EMPTY: number[] = []

/** @param bits not 0 */
export function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}
