import type { RandomSource } from '../contract.ts'
import type { PieceChoices } from '../policies/piece-order.ts'
import type { IndexSet } from '../state/index-set.ts'
import type { Member } from '../state/member.ts'
import type { PieceFilter } from '../state/rarity-order.ts'

/** Where pieces could come from. */
export interface PieceSource {
  /** Whether it can give this piece, which is needed, now. */
  has(piece: number): boolean
  /** Pieces with fewer copies it cannot give. */
  readonly fewestCopies: number
}

/** The pieces that one child needs and one source can give. Nothing is computed before it is asked for. */
export class Choices implements PieceChoices, PieceFilter {
  readonly #member: Member
  readonly #need: IndexSet
  readonly #source: PieceSource
  readonly #random: RandomSource

  constructor(member: Member, need: IndexSet, source: PieceSource, random: RandomSource) {
    this.#member = member
    this.#need = need
    this.#source = source
    this.#random = random
  }

  accepts(piece: number): boolean {
    return this.#need.has(piece) && this.#source.has(piece)
  }

  has(piece: number): boolean {
    return this.accepts(piece)
  }

  rarest(): number | undefined {
    return this.#member.swarm.copies.order.rarest(this, this.#source.fewestCopies, this.#random)
  }

  lowestBefore(end: number): number | undefined {
    for (const piece of this.#need.members(this.#from)) {
      if (piece >= end) return undefined
      if (this.#source.has(piece)) return piece
    }
    return undefined
  }

  *all(): Generator<number> {
    for (const piece of this.#need.members()) if (this.#source.has(piece)) yield piece
  }

  copiesOf(piece: number): number {
    return this.#member.swarm.copies.copiesOf(piece)
  }

  firstMissing(): number {
    return this.#member.held.firstMissing(this.#from)
  }

  /** Where the child reads; once nothing is missing from there on, the first piece. */
  get #from(): number {
    const { held, child, swarm } = this.#member
    const from = child?.from ?? 0
    return from > 0 && held.firstMissing(from) < swarm.copies.size ? from : 0
  }
}
