import type { RandomSource } from '../contract.ts'
import type { SeatVisitor } from '../state/piece-seats.ts'
import type { IndexSet } from '../state/index-set.ts'
import type { Member } from '../state/member.ts'
import { remoteness } from '../state/place.ts'
import type { PieceFilter } from '../state/rarity-order.ts'
import type { Whom } from '../state/waiting-room.ts'
import type { Blocks } from './blocks.ts'
import { crosses, hasToCross, mayCrossWith } from './crossing.ts'

/** How many waiting children that a parent could serve are compared before it serves one. */
const COMPARED = 8
/** So few waiting children are looked at one by one; of more, those that need a piece are looked up. */
const FEW = 8

/** So many that may not get the piece from so far are looked at before the next piece is tried. */
const MOST_PASSED = 64

/** Finds the waiting child that a parent should serve next. */
export class WaiterSearch implements SeatVisitor, PieceFilter {
  readonly #blocks: Blocks
  readonly #random: RandomSource
  #parent!: Member
  #rank!: IndexSet
  #piece = 0
  #hasLocations = false
  #hasPlaces = false
  #best: Member | undefined
  #nearest = Infinity
  #compared = 0
  /** Children that would have to wait for a nearer copy. */
  #passed = 0

  constructor(blocks: Blocks, random: RandomSource) {
    this.#blocks = blocks
    this.#random = random
  }

  /** A child that needs one of the parent's pieces: of those with least under way one that needs the rarest of them. */
  forAny(parent: Member, whom: Whom): Member | undefined {
    const { waiting, copies } = parent.swarm
    this.#begin(parent)
    for (const rank of waiting.ranks(whom)) {
      if (rank.count === 0) continue
      this.#rank = rank
      if (rank.count <= FEW) this.#compareAll()
      else copies.order.rarest(this, 1, this.#random)
      if (this.#best !== undefined) return this.#chosen()
    }
    return undefined
  }

  /** A child that needs this piece. */
  forPiece(parent: Member, piece: number, whom: Whom): Member | undefined {
    this.#begin(parent)
    for (const rank of parent.swarm.waiting.ranks(whom)) {
      if (rank.count === 0) continue
      this.#rank = rank
      if (this.#search(piece)) return this.#chosen()
    }
    return undefined
  }

  /** Whether the parent has the piece and some child of the rank needs it. */
  accepts(piece: number): boolean {
    return this.#parent.held.has(piece) && this.#parent.swarm.needs.at(piece) > 0 && this.#search(piece)
  }

  visit(seat: number): boolean {
    if (this.#hasLocations && this.#mustWait(this.#parent.swarm.seats.at(seat))) return ++this.#passed === MOST_PASSED
    this.#compare(seat)
    return this.#compared === COMPARED
  }

  #mustWait(member: Member): boolean {
    return crosses(member, this.#parent) && !mayCrossWith(member, this.#piece)
  }

  #begin(parent: Member): void {
    this.#parent = parent
    this.#hasLocations = parent.swarm.hasLocations
    this.#hasPlaces = parent.swarm.hasPlaces
    this.#best = undefined
    this.#nearest = Infinity
    this.#compared = 0
  }

  #chosen(): Member | undefined {
    if (this.#best !== undefined) this.#parent.swarm.turn = this.#best.seat + 1
    return this.#best
  }

  #search(piece: number): boolean {
    const { seekers, turn } = this.#parent.swarm
    this.#piece = piece
    this.#passed = 0
    seekers.search(piece, this.#rank, turn, this)
    return this.#best !== undefined
  }

  #compareAll(): void {
    const { seats } = this.#parent.swarm
    for (const seat of this.#rank.members()) if (this.#hasAnyFor(seats.at(seat))) this.#compare(seat)
  }

  #hasAnyFor(member: Member): boolean {
    const { child, local } = member
    if (child === undefined) return false
    if (local === undefined || local === this.#parent.local) return child.need.intersects(this.#parent.held)
    return hasToCross(this.#parent, local, child)
  }

  /** Looks at no more than it must: mostly there are many, and all lie far apart in memory. */
  #compare(seat: number): void {
    const { swarm } = this.#parent
    const far = this.#distanceTo(seat) * 1e6 + swarm.heldCounts.at(seat)
    if (far < this.#nearest) {
      const member = swarm.seats.at(seat)
      if (member === this.#parent || this.#blocks.isBlocked(member, this.#parent)) return
      this.#nearest = far
      this.#best = member
    }
    this.#compared++
  }

  #distanceTo(seat: number): number {
    const { swarm, peer } = this.#parent
    return this.#hasPlaces ? remoteness(swarm.seats.at(seat).peer.location, peer) : 0
  }
}
