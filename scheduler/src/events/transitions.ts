import type { Member } from '../state/member.ts'
import type { Swarm } from '../state/swarm.ts'
import type { EventParts } from './event-parts.ts'

/** The member wants no more pieces; what is under way to it is given up. */
export function endChildhood(member: Member, { assignments }: EventParts): void {
  const { child, swarm } = member
  if (child === undefined) return
  for (const assignment of child.fetching.slice()) assignments.end(assignment)
  child.credits = 0
  swarm.removeChild(member)
  member.child = undefined
}

/** The member has no piece any more; what it was sending is taken back, credit included. */
export function endParenthood(member: Member, { assignments, wakes }: EventParts): void {
  const { swarm, held, uploads } = member
  for (const assignment of uploads.slice()) {
    assignments.end(assignment)
    const { child } = assignment.child
    if (child !== undefined) child.credits++
  }
  for (const piece of held.members()) swarm.lose(member, piece)
  wakes.losses.add(swarm)
}

/** Forgets a member that neither has nor wants anything. */
export function removeIfIdle(member: Member): void {
  const { swarm, held, uploads, child } = member
  if (child === undefined && held.count === 0 && uploads.length === 0) swarm.remove(member)
}

/** The CDN can bring pieces again: whoever was sent to the source may be sent there once more. */
export function hopeForOrigin(swarm: Swarm, { wakes }: EventParts): void {
  if (!swarm.originFailed) return
  swarm.originFailed = false
  for (const member of swarm.children) wakes.children.add(member)
}
