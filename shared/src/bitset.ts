/** A fixed-size set of small integers, one bit each, most significant bit of byte 0 first. */
export class Bitset {
  readonly size: number
  readonly #bytes: Uint8Array
  #count = 0

  constructor(size: number) {
    this.size = size
    this.#bytes = new Uint8Array(Math.ceil(size / 8))
  }

  static full(size: number): Bitset {
    const set = new Bitset(size)
    for (let i = 0; i < size; i++) set.add(i)
    return set
  }

  static of(size: number, members: Iterable<number>): Bitset {
    const set = new Bitset(size)
    for (const member of members) set.add(member)
    return set
  }

  /** Reads the form that `toBytes` writes; bits past `size` are ignored, missing bytes are zero. */
  static fromBytes(bytes: Uint8Array, size: number): Bitset {
    const set = new Bitset(size)
    for (let i = 0; i < size; i++) {
      if (((bytes[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0) set.add(i)
    }
    return set
  }

  /** How many members there are. */
  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.size
  }

  has(index: number): boolean {
    // The shift works on 32 bits, so an index past them would alias a small one.
    if (index >= this.size) return false
    return ((this.#bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0
  }

  /** @returns whether the member is new. @throws RangeError when the set has no place for it. */
  add(index: number): boolean {
    if (!Number.isInteger(index) || index < 0 || index >= this.size)
      throw new RangeError(`bit ${index} is outside a set of ${this.size}`)
    if (this.has(index)) return false
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] as number) | (0x80 >> (index & 7))
    this.#count++
    return true
  }

  /** @returns whether the member was there. */
  delete(index: number): boolean {
    if (!this.has(index)) return false
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] as number) & ~(0x80 >> (index & 7))
    this.#count--
    return true
  }

  /** The same members in a set of another size; members past the new size are dropped. */
  resized(size: number): Bitset {
    return Bitset.fromBytes(this.#bytes, size)
  }

  clone(): Bitset {
    return this.resized(this.size)
  }

  toBytes(): Uint8Array {
    return this.#bytes.slice()
  }

  *members(): Generator<number> {
    for (let i = 0; i < this.size; i++) if (this.has(i)) yield i
  }

  *missing(): Generator<number> {
    for (let i = 0; i < this.size; i++) if (!this.has(i)) yield i
  }
}
