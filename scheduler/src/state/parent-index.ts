import type { RandomSource } from '../contract.ts'
import type { Member } from './member.ts'

/** How many of each near place are taken into a sample before anybody from further away is. */
const SAMPLE_PER_PLACE = 8
const SAMPLE = 32
/** With something found already, a sample looks at no more than this. */
const LOOK_AT = 128

/** The members of one swarm that have a free slot and at least one piece (without the CDN), found by where they are. */
export class ParentIndex {
  readonly #all = new Crowd()
  readonly #byPlace = new Map<string, Crowd>()

  add(parent: Member): void {
    if (!this.#all.add(parent)) return
    for (const place of parent.peer.places) {
      let crowd = this.#byPlace.get(place)
      if (crowd === undefined) this.#byPlace.set(place, (crowd = new Crowd()))
      crowd.add(parent)
    }
  }

  /** The parent's places must still be those under which it was added. */
  delete(parent: Member): void {
    if (!this.#all.delete(parent)) return
    for (const place of parent.peer.places) {
      const crowd = this.#byPlace.get(place)
      crowd?.delete(parent)
      if (crowd?.size === 0) this.#byPlace.delete(place)
    }
  }

  /**
   * Some of the accepted parents, the nearest ones first among them: a few dozen suffice to choose well, and to look at
   * a thousand for each piece would be slow. Empty only if there is none at all.
   */
  sample(child: Member, accepts: (parent: Member) => boolean, random: RandomSource): Member[] {
    const found: Member[] = []
    if (this.#all.size === 0) return found
    for (const place of child.peer.places) {
      const near = this.#byPlace.get(place)
      near?.sample(accepts, random, found, Math.min(SAMPLE, found.length + SAMPLE_PER_PLACE))
    }
    this.#all.sample(accepts, random, found, SAMPLE)
    return found
  }
}

/** A set whose members can be walked from a random one on. */
class Crowd {
  readonly #members: Member[] = []
  readonly #positions = new Map<Member, number>()

  get size(): number {
    return this.#members.length
  }

  add(member: Member): boolean {
    if (this.#positions.has(member)) return false
    this.#positions.set(member, this.#members.length)
    this.#members.push(member)
    return true
  }

  delete(member: Member): boolean {
    const position = this.#positions.get(member)
    if (position === undefined) return false
    this.#positions.delete(member)
    const last = this.#members.pop() as Member
    if (last === member) return true
    this.#members[position] = last
    this.#positions.set(last, position)
    return true
  }

  /** Adds accepted members to `found` until it has `wanted`. */
  sample(accepts: (member: Member) => boolean, random: RandomSource, found: Member[], wanted: number): void {
    const members = this.#members
    let position = members.length > 1 ? Math.floor(random() * members.length) : 0
    for (let looked = 0; looked < members.length && found.length < wanted; looked++) {
      if (looked >= LOOK_AT && found.length > 0) return
      const member = members[position] as Member
      if (accepts(member) && !found.includes(member)) found.push(member)
      position = position + 1 === members.length ? 0 : position + 1
    }
  }
}
