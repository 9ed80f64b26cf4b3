import type { Blocklist } from '../policies/blocklist.ts'
import type { Childhood, Member } from '../state/member.ts'
import type { Peer } from '../state/peer.ts'
import { copiesWith } from './orphans.ts'

/** A block that ends within this time is waited for; one that lasts longer is as good as no parent. */
const WORTH_WAITING_MS = 10_000

/** Tells whether anybody can ever give a child a piece that it still needs. */
export class Prospects {
  readonly #blocklist: Blocklist
  readonly #cdns: ReadonlySet<Peer>

  /** @param cdns all CDN peers that are connected, whether they have the task yet or not. */
  constructor(blocklist: Blocklist, cdns: ReadonlySet<Peer>) {
    this.#blocklist = blocklist
    this.#cdns = cdns
  }

  existFor(member: Member, { need }: Childhood, now: number): boolean {
    return this.#cdnCan(member, need, now) || this.#peersCan(member, need, now)
  }

  #cdnCan({ peer, swarm }: Member, need: Childhood['need'], now: number): boolean {
    for (const cdn of this.#cdns) {
      if (cdn === peer || !cdn.canServe || this.#isShut(peer, cdn, now)) continue
      if (!swarm.originFailed) return true
      const held = swarm.members.get(cdn.id)?.held
      if (held !== undefined && need.intersects(held)) return true
    }
    return false
  }

  #peersCan({ peer, swarm }: Member, need: Childhood['need'], now: number): boolean {
    const shut = this.#shutMembers(peer, swarm, now)
    for (const piece of need.members()) {
      const copies = swarm.copies.copiesOf(piece)
      if (copies > 0 && (shut.length === 0 || copies > copiesWith(shut, piece))) return true
    }
    return false
  }

  #shutMembers(peer: Peer, { members }: Member['swarm'], now: number): Member[] {
    const shut: Member[] = []
    for (const parent of this.#blocklist.blockedFor(peer.id)) {
      const member = members.get(parent)
      if (member !== undefined && this.#isShut(peer, member.peer, now)) shut.push(member)
    }
    return shut
  }

  #isShut(child: Peer, parent: Peer, now: number): boolean {
    const until = this.#blocklist.blockedUntil(child.id, parent.id)
    return until !== undefined && until > now + WORTH_WAITING_MS
  }
}
