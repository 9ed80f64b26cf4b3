import { IndexSet } from './index-set.ts'
import { Counts } from './counts.ts'

/** How widely each piece is spread within one location: held there by peers that can pass it on, or on its way to one. */
export class LocalCopies {
  /** Pieces with at least one copy. */
  readonly present: IndexSet = new IndexSet()
  readonly #copies = new Counts()
  readonly #crossing = new Counts()
  /** How many members of the swarm are here. */
  members = 0
  #crossings = 0

  /** How many pieces are on their way from other locations. */
  get crossings(): number {
    return this.#crossings
  }

  isCrossing(piece: number): boolean {
    return this.#crossing.at(piece) > 0
  }

  beginCrossing(piece: number): void {
    this.#crossings++
    this.#crossing.change(piece, 1)
  }

  endCrossing(piece: number): void {
    this.#crossings--
    this.#crossing.change(piece, -1)
  }

  add(piece: number): void {
    if (this.#copies.change(piece, 1) === 1) this.present.add(piece)
  }

  /** @returns whether it was the last copy. */
  drop(piece: number): boolean {
    if (this.#copies.change(piece, -1) > 0) return false
    this.present.delete(piece)
    return true
  }
}
