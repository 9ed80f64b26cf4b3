import { IndexSet } from './index-set.ts'
import { Counts } from './counts.ts'
import { RarityOrder } from './rarity-order.ts'

/**
 * How widely each piece is spread among the peers that can pass it on, the CDN not counted.
 * A copy is a piece held, or under way to a child; a holder has it already.
 */
export class Copies {
  /** Pieces without any copy: only the CDN can give them. */
  readonly fresh: IndexSet = new IndexSet()
  /** Pieces with at least one holder. */
  readonly spread: IndexSet = new IndexSet()
  /** By the number of copies. */
  readonly order: RarityOrder = new RarityOrder()
  readonly #holders = new Counts()

  get size(): number {
    return this.order.size
  }

  /** Adds pieces up to `size`, or takes away those past it; the latter must have no copies left. */
  resize(size: number): void {
    for (let piece = this.size; piece < size; piece++) this.fresh.add(piece)
    for (let piece = size; piece < this.size; piece++) this.fresh.delete(piece)
    this.order.resize(size)
  }

  copiesOf(piece: number): number {
    return this.order.copiesOf(piece)
  }

  holdersOf(piece: number): number {
    return this.#holders.at(piece)
  }

  addHolder(piece: number): void {
    if (this.#holders.change(piece, 1) === 1) this.spread.add(piece)
    this.addReceiver(piece)
  }

  dropHolder(piece: number): void {
    if (this.#holders.change(piece, -1) === 0) this.spread.delete(piece)
    this.dropReceiver(piece)
  }

  addReceiver(piece: number): void {
    this.order.addCopy(piece)
    if (this.copiesOf(piece) === 1) this.fresh.delete(piece)
  }

  dropReceiver(piece: number): void {
    this.order.dropCopy(piece)
    if (this.copiesOf(piece) === 0) this.fresh.add(piece)
  }
}
