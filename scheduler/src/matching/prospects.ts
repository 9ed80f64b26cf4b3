import type { IndexSet } from '../state/index-set.ts'
import type { Childhood, Member } from '../state/member.ts'
import type { Peer } from '../state/peer.ts'
import type { Swarm } from '../state/swarm.ts'
import type { Blocks } from './blocks.ts'
import { copiesWith } from './orphans.ts'

/** A block that ends within this time is waited for; one that lasts longer is as good as no parent. */
const WORTH_WAITING_MS = 10_000

/** Tells whether anybody can ever give a child a piece that it still needs. */
export class Prospects {
  readonly #blocks: Blocks
  readonly #cdns: ReadonlySet<Peer>

  /** @param cdns all CDN peers that are connected, whether they have the task yet or not. */
  constructor(blocks: Blocks, cdns: ReadonlySet<Peer>) {
    this.#blocks = blocks
    this.#cdns = cdns
  }

  /** Those who may have lost hope when a piece of the swarm lost a copy. */
  doubtersIn(swarm: Swarm): Iterable<Member> {
    return this.#cdnHelps(swarm) ? this.#blocks.childrenWithBlocks(swarm) : swarm.children
  }

  existFor(member: Member, { need }: Childhood, now: number): boolean {
    return this.#cdnCan(member, need, now) || this.#peersCan(member, need, now)
  }

  /** Whether some CDN can bring everybody everything. */
  #cdnHelps({ originFailed }: Swarm): boolean {
    if (originFailed) return false
    for (const cdn of this.#cdns) if (cdn.canServe) return true
    return false
  }

  #cdnCan({ peer, swarm }: Member, need: IndexSet, now: number): boolean {
    for (const cdn of this.#cdns) {
      if (cdn === peer || !cdn.canServe || this.#isShut(peer, cdn, now)) continue
      if (!swarm.originFailed) return true
      const held = swarm.members.get(cdn.id)?.held
      if (held !== undefined && need.intersects(held)) return true
    }
    return false
  }

  #peersCan(member: Member, need: IndexSet, now: number): boolean {
    const { peer, swarm } = member
    const isShut = (parent: Member): boolean => this.#isShut(peer, parent.peer, now)
    const shut = this.#blocks.blockedFor(member).filter(isShut)
    if (shut.length === 0 ? !need.isWithin(swarm.copies.fresh) : hasOtherHolder(member, need, shut)) return true
    return this.#blocks.shunnedIn(swarm).some((parent) => {
      return parent.peer.couldServe && !parent.peer.isCdn && !parent.isShut && !isShut(parent) && need.intersects(parent.held)
    })
  }

  #isShut(child: Peer, parent: Peer, now: number): boolean {
    const until = this.#blocks.blockedUntil(child, parent)
    return until !== undefined && until > now + WORTH_WAITING_MS
  }
}

/** Whether somebody else than these members has one of the pieces or is about to. */
function hasOtherHolder({ swarm }: Member, need: IndexSet, others: readonly Member[]): boolean {
  for (const piece of need.members()) {
    const copies = swarm.copies.copiesOf(piece)
    if (copies > 0 && copies > copiesWith(others, piece)) return true
  }
  return false
}
