import type { Member } from '../state/member.ts'
import type { Peer } from '../state/peer.ts'
import type { Swarm } from '../state/swarm.ts'

/**
 * What one event has made possible, or impossible, for those that wait.
 * Handlers of events note it here; once the state is whole again it is acted on, and emptied.
 */
export class Wakes {
  /** Children whose own state changed. */
  readonly children: Set<Member> = new Set()
  /** Who has pieces that it did not have: one piece, or (undefined) many. */
  readonly possessions: Map<Member, number | undefined> = new Map()
  /** Parents that had no free slot and now have one. */
  readonly slots: Set<Peer> = new Set()
  /** Swarms in which some piece lost a copy, and some child perhaps its last source but the CDN, or its last at all. */
  readonly losses: Set<Swarm> = new Set()

  clear(): void {
    this.children.clear()
    this.possessions.clear()
    this.slots.clear()
    this.losses.clear()
  }
}
