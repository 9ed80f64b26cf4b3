import { blend } from '../state/average.ts'
import type { PeerId } from '@damselfly/shared'
import type { AssignmentOutcome } from '../explain/decision-observer.ts'
import type { Assignment, Member } from '../state/member.ts'
import type { EventOf, EventParts } from './event-parts.ts'
import { endParenthood, hopeForOrigin, removeIfIdle } from './transitions.ts'

export function onPiecesAvailable({ task, peer, pieces }: EventOf<'pieces-available'>, parts: EventParts): void {
  const member = parts.register.enter(task, peer)
  if (member === undefined) return
  const given = 'members' in pieces ? [...pieces.members()] : pieces
  if (member.peer.isCdn) member.swarm.reveal(given.reduce((highest, piece) => Math.max(highest, piece), -1))
  const gained = given.filter((piece) => gain(member, piece, undefined, fetchIn(member, piece), parts))
  removeIfIdle(member)
  if (gained.length === 0) return
  parts.wakes.possession = { member, piece: gained.length === 1 ? gained[0] : undefined }
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
  const { register, assignments, blocks, wakes } = parts
  const member = register.enter(event.task, event.peer)
  if (member === undefined) return
  const assignment = fetchIn(member, event.piece)
  if (assignment?.parent.peer.id === event.parent) {
    assignments.measure(assignment, event.bytes, event.durationMs)
    if (isTooSlow(assignment, event)) blocks.failed({ child: event.peer, party: member.peer.party, parent: event.parent, parentIsCdn: false, reason: 'slow' }, now)
    else blocks.succeeded(member, assignment.parent, now)
  }
  if (gain(member, event.piece, event.parent, assignment, parts)) wakes.possession = { member, piece: event.piece }
  removeIfIdle(member)
}

export function onPieceFailed(event: EventOf<'piece-failed'>, parts: EventParts, now: number): void {
  const { register, assignments } = parts
  const member = register.find(event.task, event.peer)
  if (member === undefined) return
  const assignment = fetchIn(member, event.piece)
  // Otherwise it was taken back meanwhile, and perhaps given to another parent.
  if (assignment?.parent.peer.id === event.parent) assignments.end(assignment, outcomeOf(assignment, event))
  noteFailure(event, parts, now)
}

/** A child that was told to stop, or whose parent is gone, says only that it did. */
function outcomeOf({ forsaken }: Assignment, { reason }: EventOf<'piece-failed'>): AssignmentOutcome {
  return forsaken && reason === 'cancelled' ? 'parent-left' : reason
}

/** What children find wrong counts also for pieces that they took from a parent on their own. */
function noteFailure({ peer, parent, reason }: EventOf<'piece-failed'>, { register, blocks }: EventParts, now: number): void {
  const blamed = register.peers.get(parent)
  if (reason === 'cancelled' || blamed === undefined || parent === peer) return
  blocks.failed({ child: peer, party: register.peers.get(peer)?.party, parent, parentIsCdn: blamed.isCdn, reason }, now)
}

/**
 * @param from whom it came; undefined: from nobody in particular
 * @param assignment by which it is under way, if it is
 * @returns whether the member did not have the piece before.
 */
function gain(member: Member, piece: number, from: PeerId | undefined, assignment: Assignment | undefined, { assignments }: EventParts): boolean {
  const { swarm } = member
  if (!swarm.hasPiece(piece) || !swarm.gain(member, piece)) return false
  if (assignment !== undefined) assignments.end(assignment, assignment.parent.peer.id === from ? 'done' : 'overtaken')
  return true
}

function fetchIn({ child }: Member, piece: number): Assignment | undefined {
  return child?.fetches.of(piece)
}

/** A busy machine stops for so long now and then, which for a small piece is many times the usual; milliseconds. */
const LEAST_MS = 2_500

/** A child that is slow itself gets everything late; only what is late for it too is its parent's doing. */
const FACTOR_OF_OWN = 4

/** Whether the parent was far slower than the swarm's parents are, and than this child's are. */
function isTooSlow({ child, parent }: Assignment, { bytes, durationMs }: EventOf<'piece-done'>): boolean {
  if (parent.peer.isCdn || !(bytes > 0 && durationMs > 0)) return false
  const msPerByte = durationMs / bytes
  const own = child.ownPace
  const isSlow = child.swarm.pace.note(msPerByte) && msPerByte > FACTOR_OF_OWN * own && durationMs >= LEAST_MS
  child.ownPace = blend(own, Number.isNaN(own) ? msPerByte : Math.min(msPerByte, FACTOR_OF_OWN * own))
  return isSlow
}
