import type { RandomSource } from '../contract.ts'
import type { SeatVisitor } from '../state/piece-seats.ts'
import type { Member } from '../state/member.ts'
import type { Swarm } from '../state/swarm.ts'
import type { Blocks } from './blocks.ts'
import { crosses, mayCrossWith } from './crossing.ts'

/** So few free parents are looked at one by one; of more, those that hold a piece are looked up. */
const FEW = 16
/** How many of each near place are compared before anybody from further away is. */
const COMPARED_PER_PLACE = 8
const COMPARED = 16
/** How many of each near place are looked at. */
const LOOK_AT = 32

/** Finds peers with a free slot that can give a child its pieces. The CDN is not among them. */
export class ParentSearch implements SeatVisitor {
  readonly #blocks: Blocks
  readonly #random: RandomSource
  #child!: Member
  /** Undefined: there are too many. */
  #few: Member[] | undefined
  #found: Member[] = []
  #wanted = 1
  #piece = 0

  constructor(blocks: Blocks, random: RandomSource) {
    this.#blocks = blocks
    this.#random = random
  }

  /** Turns to another child, or to the same after something changed. */
  begin(child: Member): void {
    const { free } = child.swarm
    this.#child = child
    this.#few = free.count > FEW ? undefined : this.#usableOf(child.swarm)
  }

  /** Whether some free parent can give the piece. */
  has(piece: number): boolean {
    if (this.#few !== undefined) return this.#few.some((parent) => this.#canGive(parent, piece))
    this.#found = []
    this.#piece = piece
    return this.#child.swarm.copies.spread.has(piece) && this.#search(piece, 1)
  }

  /** Some parents that can give the piece, the nearest ones first among them: a few suffice to choose well. */
  holdersOf(piece: number): readonly Member[] {
    if (this.#few !== undefined) return this.#few.filter((parent) => this.#canGive(parent, piece))
    this.#found = []
    this.#piece = piece
    for (const place of this.#child.peer.places) this.#searchPlace(place, piece)
    this.#search(piece, COMPARED)
    return this.#found
  }

  visit(seat: number): boolean {
    const parent = this.#child.swarm.seats.at(seat)
    if (this.#isUsable(parent) && this.#canGive(parent, this.#piece) && !this.#found.includes(parent)) this.#found.push(parent)
    return this.#found.length >= this.#wanted
  }

  #search(piece: number, wanted: number): boolean {
    const { free, holders } = this.#child.swarm
    this.#wanted = wanted
    if (this.#found.length >= wanted) return true
    return holders.search(piece, free, Math.floor(this.#random() * free.wordCount * 32), this)
  }

  #searchPlace(place: string, piece: number): void {
    const { free, neighbourhoods, seats } = this.#child.swarm
    const near = neighbourhoods.at(place)
    this.#wanted = Math.min(COMPARED, this.#found.length + COMPARED_PER_PLACE)
    let at = near.length > LOOK_AT ? Math.floor(this.#random() * near.length) : 0
    for (let looked = 0; looked < Math.min(near.length, LOOK_AT); looked++) {
      const seat = near[at] as number
      if (free.has(seat) && seats.at(seat).held.has(piece) && this.visit(seat)) return
      at = at + 1 === near.length ? 0 : at + 1
    }
  }

  #usableOf({ free, seats }: Swarm): Member[] {
    const usable: Member[] = []
    const need = this.#child.child?.need
    if (free.count === 0 || need === undefined) return usable
    for (const seat of free.members()) {
      const parent = seats.at(seat)
      if (need.intersects(parent.held) && this.#isUsable(parent)) usable.push(parent)
    }
    return usable
  }

  #canGive(parent: Member, piece: number): boolean {
    return parent.held.has(piece) && (!crosses(this.#child, parent) || mayCrossWith(this.#child, piece))
  }

  #isUsable(parent: Member): boolean {
    return parent !== this.#child && !this.#blocks.isBlocked(this.#child, parent)
  }
}
