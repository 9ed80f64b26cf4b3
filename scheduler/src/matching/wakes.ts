import type { Member } from '../state/member.ts'
import type { Peer } from '../state/peer.ts'
import type { Swarm } from '../state/swarm.ts'
import { WakeList } from './wake-list.ts'

/** Who has pieces that it did not have: one piece, or (undefined) many. */
export interface Possession {
  readonly member: Member
  readonly piece: number | undefined
}

/**
 * What one event has made possible, or impossible, for those that wait.
 * Handlers of events note it here; once the state is whole again it is acted on, and emptied.
 */
export class Wakes {
  /** Children that have credits or needs that they did not have, or may use a parent that they could not. */
  readonly children: WakeList<Member> = new WakeList()
  /** Children that have less under way. */
  readonly relieved: WakeList<Member> = new WakeList()
  /** Parents that had no free slot and now have one. */
  readonly slots: WakeList<Peer> = new WakeList()
  /** Swarms in which some piece lost a copy, and some child perhaps its last source but the CDN, or its last at all. */
  readonly losses: WakeList<Swarm> = new WakeList()
  possession: Possession | undefined

  clear(): void {
    this.children.clear()
    this.relieved.clear()
    this.slots.clear()
    this.losses.clear()
    this.possession = undefined
  }
}
