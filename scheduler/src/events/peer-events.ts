import { Peer } from '../state/peer.ts'
import type { EventOf, EventParts } from './event-parts.ts'
import { endChildhood, endParenthood } from './transitions.ts'

/** A peer that joins again without having left has only changed. */
export function onPeerSeen(
  { peer: id, capacity }: EventOf<'peer-joined' | 'capacity-changed'>,
  isNew: boolean,
  parts: EventParts,
): void {
  const { register, blocks, wakes, uploadSlots } = parts
  const known = register.peers.get(id)
  if (known === undefined) {
    if (!isNew) return
    const peer = new Peer(id, capacity, uploadSlots.control(capacity.isCdn))
    blocks.welcome(peer)
    register.peers.set(id, peer)
    if (peer.isCdn) register.cdns.add(peer)
    return
  }
  noteCdnLoss(known, parts)
  known.change({ capacity })
  if (known.isCdn) register.cdns.add(known)
  for (const member of known.memberships.values()) {
    wakes.losses.add(member.swarm)
    // From where it is now others may be near.
    wakes.children.add(member)
  }
  wakes.slots.add(known)
}

export function onPeerLeft({ peer: id }: EventOf<'peer-left'>, parts: EventParts): void {
  const peer = parts.register.peers.get(id)
  if (peer === undefined) return
  for (const member of peer.memberships.values()) {
    endChildhood(member, 'child-left', parts)
    endParenthood(member, parts)
    member.swarm.remove(member)
  }
  noteCdnLoss(peer, parts)
  parts.register.peers.delete(id)
}

/** Without its CDN every task may have lost a source, also those that the CDN would only have begun. */
function noteCdnLoss(peer: Peer, { register, wakes }: EventParts): void {
  if (!register.cdns.delete(peer)) return
  for (const swarm of register.swarms.values()) wakes.losses.add(swarm)
}
