import type { ChildWait } from '../contract.ts'
import type { Member } from '../state/member.ts'
import type { Blocks } from './blocks.ts'

/** What a child waits for, if it does. */
export function waitOf(member: Member, blocks: Blocks): ChildWait | undefined {
  const { child, swarm } = member
  if (child === undefined || member.rank === undefined) return undefined
  const cdns = [...swarm.cdns]
  const counts = { withPeers: 0, onTheWay: 0, withCdn: 0, nowhere: 0 }
  for (const piece of child.need.members()) {
    if (swarm.copies.holdersOf(piece) > 0) counts.withPeers++
    else if (swarm.copies.copiesOf(piece) > 0) counts.onTheWay++
    else if (cdns.some(({ held }) => held.has(piece))) counts.withCdn++
    else counts.nowhere++
  }
  const blockedParents = new Set([...blocks.blockedFor(member), ...blocks.shunnedIn(swarm)]).size
  return { since: child.openSince, underWay: child.fetches.count, needed: child.need.count, ...counts, blockedParents, priority: child.priority }
}
