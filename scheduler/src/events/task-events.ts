import type { SchedulerCommand } from '../contract.ts'
import type { Assignment } from '../state/member.ts'
import { Swarm } from '../state/swarm.ts'
import type { EventOf, EventParts } from './event-parts.ts'
import { endChildhood, hopeForOrigin } from './transitions.ts'

export function onTaskRegistered(
  { task, pieceCount, pieceSize }: EventOf<'task-registered'>,
  parts: EventParts,
  commands: SchedulerCommand[],
): void {
  let swarm = parts.register.swarms.get(task)
  if (swarm === undefined) parts.register.swarms.set(task, (swarm = new Swarm(task)))
  swarm.pieceSize = pieceSize
  hopeForOrigin(swarm, parts)
  if (pieceCount === undefined || pieceCount === swarm.pieceCount) return
  takePiecesPastEnd(swarm, pieceCount, parts, commands)
  swarm.pieceCount = pieceCount
  swarm.resize(pieceCount)
}

export function onTaskRemoved(
  { task }: EventOf<'task-removed'>,
  parts: EventParts,
  commands: SchedulerCommand[],
): void {
  const { register } = parts
  const swarm = register.swarms.get(task)
  if (swarm === undefined) return
  register.swarms.delete(task)
  for (const member of swarm.members.values()) {
    for (const assignment of member.child?.fetches ?? []) commands.push(cancelOf(assignment))
    endChildhood(member, 'void', parts)
  }
  for (const member of swarm.members.values()) swarm.remove(member)
}

export function onOriginFailed({ task }: EventOf<'origin-failed'>, { register, wakes }: EventParts): void {
  const swarm = register.swarms.get(task)
  if (swarm === undefined) return
  swarm.originFailed = true
  wakes.losses.add(swarm)
}

/** A length that was only supposed turns out shorter. */
function takePiecesPastEnd(swarm: Swarm, end: number, parts: EventParts, commands: SchedulerCommand[]): void {
  if (end >= swarm.copies.size) return
  for (const member of swarm.members.values()) {
    for (const assignment of member.child?.fetches ?? []) {
      if (assignment.piece < end) continue
      commands.push(cancelOf(assignment))
      parts.assignments.end(assignment, 'void')
    }
    for (const piece of member.held.members()) if (piece >= end) swarm.lose(member, piece)
  }
}

function cancelOf({ child, parent, piece }: Assignment): SchedulerCommand {
  return { type: 'cancel', task: child.swarm.id, child: child.peer.id, piece, parent: parent.peer.id }
}
