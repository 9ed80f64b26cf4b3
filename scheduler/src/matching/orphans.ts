import type { Blocklist } from '../policies/blocklist.ts'
import type { Childhood, Member } from '../state/member.ts'
import type { PieceSet } from '../state/piece-set.ts'

/*
 * A child's orphans are the pieces that it needs, the CDN holds, and no peer that the child may use has or is about to
 * have: there is no copy at all, or all copies are with parents that are blocked for it.
 */

export function collectOrphans(
  member: Member,
  { need }: Childhood,
  cdn: Member,
  blocklist: Blocklist,
  found: number[],
): void {
  need.collectInBoth(cdn.held, member.swarm.copies.fresh, found)
  if (!blocklist.isEmpty) found.push(...onlyWithBlocked(member, need, cdn, blocklist))
}

export function hasOrphans(member: Member, { need }: Childhood, cdn: Member, blocklist: Blocklist): boolean {
  if (need.intersectsBoth(cdn.held, member.swarm.copies.fresh)) return true
  if (blocklist.isEmpty) return false
  const first = onlyWithBlocked(member, need, cdn, blocklist).next()
  return first.done !== true
}

function* onlyWithBlocked(member: Member, need: PieceSet, cdn: Member, blocklist: Blocklist): Generator<number> {
  const { swarm } = member
  const blocked = [...blocklist.blockedFor(member.peer.id)].flatMap((peer) => swarm.members.get(peer) ?? [])
  if (blocked.length === 0) return
  const shared: number[] = []
  need.collectInAny([cdn.held], shared)
  for (const piece of shared) {
    const copies = swarm.copies.copiesOf(piece)
    if (copies > 0 && copies === copiesWith(blocked, piece)) yield piece
  }
}

/** How many copies of the piece in its swarm are with these members. */
export function copiesWith(members: readonly Member[], piece: number): number {
  let copies = 0
  for (const { passesOn, held, child } of members) {
    if (passesOn && held.has(piece)) copies++
    else if (child?.fetching.get(piece)?.counted === true) copies++
  }
  return copies
}
