import type { Member } from '../state/member.ts'
import type { EventOf, EventParts } from './event-parts.ts'
import { endParenthood, hopeForOrigin, removeIfIdle } from './transitions.ts'

export function onPiecesAvailable({ task, peer, pieces }: EventOf<'pieces-available'>, parts: EventParts): void {
  const member = parts.register.enter(task, peer)
  if (member === undefined) return
  const given = 'members' in pieces ? [...pieces.members()] : pieces
  if (member.peer.isCdn) member.swarm.reveal(given.reduce((highest, piece) => Math.max(highest, piece), -1))
  const gained = given.filter((piece) => gain(member, piece, parts))
  removeIfIdle(member)
  if (gained.length === 0) return
  parts.wakes.possessions.set(member, gained.length === 1 ? gained[0] : undefined)
  if (member.peer.isCdn) hopeForOrigin(member.swarm, parts)
}

export function onPiecesDropped({ task, peer }: EventOf<'pieces-dropped'>, parts: EventParts): void {
  const member = parts.register.find(task, peer)
  if (member === undefined) return
  endParenthood(member, parts)
  parts.wakes.children.add(member)
  removeIfIdle(member)
}

export function onPieceDone(event: EventOf<'piece-done'>, parts: EventParts, now: number): void {
  const { register, assignments, blocklist, wakes } = parts
  const member = register.enter(event.task, event.peer)
  if (member === undefined) return
  const assignment = member.child?.fetching.get(event.piece)
  if (assignment?.parent.peer.id === event.parent) {
    assignments.measure(assignment, event.bytes, event.durationMs, now)
    blocklist.succeeded(event.peer, event.parent, now)
  }
  if (gain(member, event.piece, parts)) wakes.possessions.set(member, event.piece)
  removeIfIdle(member)
}

export function onPieceFailed(event: EventOf<'piece-failed'>, parts: EventParts, now: number): void {
  const { register, assignments } = parts
  const member = register.find(event.task, event.peer)
  if (member === undefined) return
  const assignment = member.child?.fetching.get(event.piece)
  // Otherwise it was taken back meanwhile, and perhaps given to another parent.
  if (assignment?.parent.peer.id === event.parent) assignments.end(assignment)
  noteFailure(event, parts, now)
}

/** What children find wrong counts also for pieces that they took from a parent on their own. */
function noteFailure({ peer, parent, reason }: EventOf<'piece-failed'>, parts: EventParts, now: number): void {
  const { register, blocklist, wakes } = parts
  const blamed = register.peers.get(parent)
  if (reason === 'cancelled' || blamed === undefined || parent === peer) return
  for (const block of blocklist.failed({ child: peer, parent, parentIsCdn: blamed.isCdn, reason }, now)) {
    if (block.child === undefined) {
      for (const { swarm } of blamed.memberships.values()) wakes.losses.add(swarm)
    } else {
      for (const membership of register.peers.get(peer)?.memberships.values() ?? []) wakes.children.add(membership)
    }
  }
}

/** @returns whether the member did not have the piece before. */
function gain(member: Member, piece: number, { assignments }: EventParts): boolean {
  const { swarm, child } = member
  if (!swarm.hasPiece(piece) || !swarm.gain(member, piece)) return false
  const assignment = child?.fetching.get(piece)
  if (assignment !== undefined) assignments.end(assignment)
  return true
}
