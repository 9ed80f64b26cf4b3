import { SHA256_BYTES } from '@damselfly/shared'

/** Slots for each row; a part stays empty, so that little is looked at to find one. */
const SLOTS_PER_ROW = 2

const FEWEST_SLOTS = 64

/**
 * Finds the row that holds an id. Ids are digests, so that their first bytes are spread evenly; of a million rows this
 * takes 8 to 16 MB, where a map of strings would take 120.
 */
export class IdIndex {
  readonly #ids: () => Buffer
  /** The row and 1, 0 for none. */
  #slots = new Uint32Array(FEWEST_SLOTS)
  #count = 0
  /** The first 32 bits of each row's id, which are enough to sort most. */
  #leading = new Uint32Array(0)

  /** @param ids the ids of all rows, one after the other, as they are at the time of the call */
  constructor(ids: () => Buffer) {
    this.#ids = ids
  }

  /** @returns -1 if no row holds it */
  find(id: Buffer): number {
    const ids = this.#ids()
    for (let slot = this.#home(id, 0); ; slot = this.#after(slot)) {
      const row = this.#at(slot)
      if (row < 0 || isEqual(ids, row * SHA256_BYTES, id)) return row
    }
  }

  /** The first 32 bits of the ids of as many rows as there are `bits`, from `start` on. */
  fillLeadingBits(start: number, bits: Float64Array): void {
    const leading = this.#leading
    for (let i = 0; i < bits.length; i++) bits[i] = leading[start + i] as number
  }

  /** The row holds its id already, and no other row does. */
  add(row: number): void {
    if (row >= this.#leading.length) this.#reserveLeading(row + 1)
    this.#leading[row] = this.#ids().readUInt32BE(row * SHA256_BYTES)
    if ((this.#count + 1) * SLOTS_PER_ROW > this.#slots.length) this.#rehash(this.#count + 1)
    this.#count++
    this.#put(row)
  }

  /** Makes room for so many rows in all. */
  reserve(rows: number): void {
    this.#reserveLeading(rows)
    if (rows * SLOTS_PER_ROW > this.#slots.length) this.#rehash(rows)
  }

  /** The row still holds its id. */
  remove(row: number): void {
    const ids = this.#ids()
    let empty = this.#home(ids, row * SHA256_BYTES)
    while (this.#at(empty) !== row) empty = this.#after(empty)
    this.#count--
    // What follows without a gap may have been put there only because this slot was taken.
    for (let slot = this.#after(empty); ; slot = this.#after(slot)) {
      const other = this.#at(slot)
      if (other < 0) break
      const home = this.#home(ids, other * SHA256_BYTES)
      if (this.#distance(home, slot) < this.#distance(empty, slot)) continue
      this.#slots[empty] = other + 1
      empty = slot
    }
    this.#slots[empty] = 0
  }

  #reserveLeading(rows: number): void {
    const larger = new Uint32Array(Math.max(rows, 2 * this.#leading.length))
    larger.set(this.#leading)
    this.#leading = larger
  }

  #put(row: number): void {
    let slot = this.#home(this.#ids(), row * SHA256_BYTES)
    while (this.#at(slot) >= 0) slot = this.#after(slot)
    this.#slots[slot] = row + 1
  }

  #rehash(rows: number): void {
    const before = this.#slots
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(FEWEST_SLOTS, rows * SLOTS_PER_ROW))))
    for (const taken of before) if (taken > 0) this.#put(taken - 1)
  }

  #at(slot: number): number {
    return (this.#slots[slot] as number) - 1
  }

  #home(bytes: Buffer, offset: number): number {
    return bytes.readUInt32LE(offset) & (this.#slots.length - 1)
  }

  #after(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1)
  }

  #distance(from: number, to: number): number {
    return (to - from) & (this.#slots.length - 1)
  }
}

function isEqual(ids: Buffer, offset: number, id: Buffer): boolean {
  for (let i = 0; i < SHA256_BYTES; i++) if (ids[offset + i] !== id[i]) return false
  return true
}
