import { PieceSet } from './piece-set.ts'

/**
 * How widely each piece is spread among the peers that can pass it on, the CDN not counted.
 * A copy is a piece held, or under way to a child; a holder has it already.
 */
export class Copies {
  /** Pieces without any copy: only the CDN can give them. */
  readonly fresh: PieceSet = new PieceSet()
  /** Pieces with at least one holder. */
  readonly spread: PieceSet = new PieceSet()
  #copies = new Int32Array(0)
  #holders = new Int32Array(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds pieces up to `size`, or takes away those past it; the latter must have no copies left. */
  resize(size: number): void {
    for (let piece = this.#size; piece < size; piece++) this.fresh.add(piece)
    for (let piece = size; piece < this.#size; piece++) this.fresh.delete(piece)
    if (size > this.#copies.length) {
      this.#copies = grown(this.#copies, size)
      this.#holders = grown(this.#holders, size)
    }
    this.#size = size
  }

  copiesOf(piece: number): number {
    return this.#copies[piece] as number
  }

  holdersOf(piece: number): number {
    return this.#holders[piece] as number
  }

  addHolder(piece: number): void {
    this.#holders[piece] = this.holdersOf(piece) + 1
    this.spread.add(piece)
    this.addReceiver(piece)
  }

  dropHolder(piece: number): void {
    const left = this.holdersOf(piece) - 1
    this.#holders[piece] = left
    if (left === 0) this.spread.delete(piece)
    this.dropReceiver(piece)
  }

  addReceiver(piece: number): void {
    this.#copies[piece] = this.copiesOf(piece) + 1
    this.fresh.delete(piece)
  }

  dropReceiver(piece: number): void {
    const left = this.copiesOf(piece) - 1
    this.#copies[piece] = left
    if (left === 0) this.fresh.add(piece)
  }
}

function grown(counts: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(size, counts.length * 2))
  larger.set(counts)
  return larger
}
