/** A growing set of piece indices, 32 to a word, so that two sets are compared in few steps. */
export class PieceSet {
  #words = new Uint32Array(0)
  #count = 0

  get count(): number {
    return this.#count
  }

  has(piece: number): boolean {
    return (((this.#words[piece >>> 5] ?? 0) >>> (piece & 31)) & 1) === 1
  }

  /** @returns whether the piece is new. */
  add(piece: number): boolean {
    if (this.has(piece)) return false
    const word = piece >>> 5
    if (word >= this.#words.length) this.#grow(word + 1)
    this.#words[word] = (this.#words[word] as number) | (1 << (piece & 31))
    this.#count++
    return true
  }

  /** @returns whether the piece was there. */
  delete(piece: number): boolean {
    if (!this.has(piece)) return false
    const word = piece >>> 5
    this.#words[word] = (this.#words[word] as number) & ~(1 << (piece & 31))
    this.#count--
    return true
  }

  /** The lowest piece that is not in the set. */
  firstMissing(): number {
    let word = 0
    while (this.#words[word] === 0xffffffff) word++
    return word * 32 + lowestBit(~(this.#words[word] ?? 0))
  }

  intersects(other: PieceSet): boolean {
    const words = Math.min(this.#words.length, other.#words.length)
    for (let word = 0; word < words; word++) {
      if (((this.#words[word] as number) & (other.#words[word] as number)) !== 0) return true
    }
    return false
  }

  /** Whether some piece is in all three sets. */
  intersectsBoth(second: PieceSet, third: PieceSet): boolean {
    const words = Math.min(this.#words.length, second.#words.length, third.#words.length)
    for (let word = 0; word < words; word++) {
      const bits = (this.#words[word] as number) & (second.#words[word] as number) & (third.#words[word] as number)
      if (bits !== 0) return true
    }
    return false
  }

  /** Appends to `found` the members that at least one of `others` has too. */
  collectInAny(others: readonly PieceSet[], found: number[]): void {
    for (let word = 0; word < this.#words.length; word++) {
      const own = this.#words[word] as number
      if (own === 0) continue
      let shared = 0
      for (const other of others) {
        shared |= other.#words[word] ?? 0
        if ((shared & own) === (own | 0)) break
      }
      collectBits(shared & own, word * 32, found)
    }
  }

  /** Appends to `found` the members that both other sets have too. */
  collectInBoth(second: PieceSet, third: PieceSet, found: number[]): void {
    const words = Math.min(this.#words.length, second.#words.length, third.#words.length)
    for (let word = 0; word < words; word++) {
      const bits = (this.#words[word] as number) & (second.#words[word] as number) & (third.#words[word] as number)
      collectBits(bits, word * 32, found)
    }
  }

  /** In ascending order. Members that are deleted on the way are not met again. */
  *members(): Generator<number> {
    for (let word = 0; word < this.#words.length; word++) {
      let bits = this.#words[word] as number
      while (bits !== 0) {
        yield word * 32 + lowestBit(bits)
        bits &= bits - 1
      }
    }
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, this.#words.length * 2))
    grown.set(this.#words)
    this.#words = grown
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}

function collectBits(bits: number, base: number, found: number[]): void {
  let rest = bits
  while (rest !== 0) {
    found.push(base + lowestBit(rest))
    rest &= rest - 1
  }
}
