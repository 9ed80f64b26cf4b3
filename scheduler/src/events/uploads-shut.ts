import type { SchedulerCommand } from '../contract.ts'
import type { EventOf, EventParts } from './event-parts.ts'
import { removeIfIdle } from './transitions.ts'

/** Somebody forbade a peer to be a parent of the task, or allowed it again. It may be a child all the same. */
export function onUploadsShut(
  { task, peer, isShut }: EventOf<'uploads-shut'>,
  parts: EventParts,
  commands: SchedulerCommand[],
): void {
  const { register, assignments, wakes } = parts
  const member = register.enter(task, peer)
  if (member === undefined || member.isShut === isShut) return
  const { swarm } = member
  swarm.uncount(member)
  member.isShut = isShut
  swarm.count(member)
  for (const assignment of isShut ? member.uploads : []) {
    const { child, piece } = assignment
    commands.push({ type: 'cancel', task, child: child.peer.id, piece, parent: peer })
    assignments.forsake(assignment)
  }
  wakes.losses.add(swarm)
  if (!isShut) wakes.slots.add(member.peer)
  removeIfIdle(member)
}
