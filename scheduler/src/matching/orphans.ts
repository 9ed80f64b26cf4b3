import type { Member } from '../state/member.ts'
import type { Blocks } from './blocks.ts'

/**
 * A child's orphans are the pieces that it needs, the CDN holds, and no peer that the child may use has or is about to
 * have: there is no copy at all, or all copies are with parents that are blocked for it.
 */
export class Orphans {
  readonly #child: Member
  readonly #blocked: readonly Member[]

  constructor(child: Member, blocks: Blocks) {
    this.#child = child
    this.#blocked = blocks.blockedFor(child)
  }

  /** @param piece that the child needs */
  isOrphan(piece: number): boolean {
    const copies = this.#child.swarm.copies.copiesOf(piece)
    return copies === 0 || (this.#blocked.length > 0 && copies === copiesWith(this.#blocked, piece))
  }

  existAt(cdn: Member): boolean {
    const need = this.#child.child?.need
    if (need === undefined) return false
    if (need.intersectsBoth(cdn.held, this.#child.swarm.copies.fresh)) return true
    if (this.#blocked.length === 0) return false
    for (let piece = need.firstShared(cdn.held, 0); piece !== undefined; piece = need.firstShared(cdn.held, piece + 1)) {
      if (this.isOrphan(piece)) return true
    }
    return false
  }
}

/** How many copies of the piece in its swarm are with these members. */
export function copiesWith(members: readonly Member[], piece: number): number {
  let copies = 0
  for (const { passesOn, held, child } of members) {
    if (passesOn && held.has(piece)) copies++
    else if (child?.fetches.of(piece)?.counted === true) copies++
  }
  return copies
}
