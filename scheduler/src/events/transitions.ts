import type { Member } from '../state/member.ts'
import type { Swarm } from '../state/swarm.ts'
import type { EventParts } from './event-parts.ts'

/** The member wants no more pieces; what is under way to it is given up. */
export function endChildhood(member: Member, outcome: 'child-left' | 'void', { assignments, wakes }: EventParts): void {
  const { child, swarm } = member
  if (child === undefined) return
  for (const assignment of child.fetches) assignments.end(assignment, outcome)
  child.credits = 0
  swarm.removeChild(member)
  // The one that is left may use what the two had to share.
  if (swarm.children.size === 1) for (const other of swarm.children) wakes.children.add(other)
  member.child = undefined
}

/** The member has no piece any more. */
export function endParenthood(member: Member, { assignments, wakes }: EventParts): void {
  const { swarm, held, uploads } = member
  for (const assignment of uploads) assignments.forsake(assignment)
  for (const piece of held.members()) swarm.lose(member, piece)
  wakes.losses.add(swarm)
}

/** Forgets a member that neither has nor wants anything, unless it has to be remembered that its uploads are shut. */
export function removeIfIdle(member: Member): void {
  const { swarm, held, uploads, child, isShut } = member
  if (child === undefined && !isShut && held.count === 0 && uploads.first === undefined) swarm.remove(member)
}

/** The CDN can bring pieces again: whoever was sent to the source may be sent there once more. */
export function hopeForOrigin(swarm: Swarm, { wakes }: EventParts): void {
  if (!swarm.originFailed) return
  swarm.originFailed = false
  for (const member of swarm.children) wakes.children.add(member)
}
