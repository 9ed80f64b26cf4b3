import type { IndexSet } from './index-set.ts'
import { lowestBit } from './index-set.ts'

export interface SeatVisitor {
  /** @returns whether the search may end. */
  visit(seat: number): boolean
}

/**
 * Who holds which piece, or who needs it, by piece: a row of bits each, one bit for each seat in the swarm. Those among
 * many are found 32 at a time, and without a look at any of them.
 */
export class PieceSeats {
  #words = new Uint32Array(0)
  /** Words in a row. */
  #stride = 0
  #rows = 0

  add(piece: number, seat: number): void {
    this.#reserve(piece + 1, (seat >>> 5) + 1)
    const word = piece * this.#stride + (seat >>> 5)
    this.#words[word] = (this.#words[word] as number) | (1 << (seat & 31))
  }

  delete(piece: number, seat: number): void {
    if (piece >= this.#rows || seat >>> 5 >= this.#stride) return
    const word = piece * this.#stride + (seat >>> 5)
    this.#words[word] = (this.#words[word] as number) & ~(1 << (seat & 31))
  }

  /**
   * Visits those of `among` that are in the row of the piece, from the seat `from` on and around, until the visitor has
   * enough.
   *
   * @returns whether it had
   */
  search(piece: number, among: IndexSet, from: number, visitor: SeatVisitor): boolean {
    const words = among.wordCount
    if (words === 0 || piece >= this.#rows) return false
    const first = (from >>> 5) % words
    const high = -1 << (from & 31)
    if (this.#visitWord(piece, among, first, high, visitor)) return true
    if (this.#visitWords(piece, among, first + 1, words, visitor) || this.#visitWords(piece, among, 0, first, visitor)) return true
    return this.#visitWord(piece, among, first, ~high, visitor)
  }

  /** Visits all in the row of the piece, from the seat `from` on and around, until the visitor has enough. */
  visit(piece: number, from: number, visitor: SeatVisitor): void {
    if (piece >= this.#rows) return
    const row = piece * this.#stride
    const first = (from >>> 5) % this.#stride
    for (let turn = 0; turn < this.#stride; turn++) {
      const word = (first + turn) % this.#stride
      for (let bits = this.#words[row + word] as number; bits !== 0; bits &= bits - 1) {
        if (visitor.visit(word * 32 + lowestBit(bits))) return
      }
    }
  }

  #visitWords(piece: number, among: IndexSet, begin: number, end: number, visitor: SeatVisitor): boolean {
    const row = piece * this.#stride
    const stop = Math.min(end, this.#stride)
    for (let word = this.#firstShared(row, among, begin, stop); word < stop; word = this.#firstShared(row, among, word + 1, stop)) {
      if (visitEach((this.#words[row + word] as number) & (among.words[word] as number), word, visitor)) return true
    }
    return false
  }

  /** Mostly the way is long. @returns `end` if there is none */
  #firstShared(row: number, among: IndexSet, begin: number, end: number): number {
    const [here, there] = [this.#words, among.words]
    let word = begin
    while (word < end && ((here[row + word] as number) & (there[word] as number)) === 0) word++
    return word
  }

  #visitWord(piece: number, among: IndexSet, word: number, mask: number, visitor: SeatVisitor): boolean {
    if (word >= this.#stride) return false
    return visitEach((this.#words[piece * this.#stride + word] as number) & (among.words[word] as number) & mask, word, visitor)
  }

  #reserve(rows: number, stride: number): void {
    if (rows <= this.#rows && stride <= this.#stride) return
    const newStride = stride <= this.#stride ? this.#stride : Math.max(stride, this.#stride * 2)
    const newRows = rows <= this.#rows ? this.#rows : Math.max(rows, this.#rows * 2)
    const words = new Uint32Array(newRows * newStride)
    for (let row = 0; row < this.#rows; row++) {
      words.set(this.#words.subarray(row * this.#stride, (row + 1) * this.#stride), row * newStride)
    }
    this.#words = words
    this.#rows = newRows
    this.#stride = newStride
  }
}

function visitEach(set: number, word: number, visitor: SeatVisitor): boolean {
  for (let bits = set; bits !== 0; bits &= bits - 1) if (visitor.visit(word * 32 + lowestBit(bits))) return true
  return false
}
