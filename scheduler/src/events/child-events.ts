import type { Priority } from '@damselfly/shared'
import { FetchList } from '../state/fetch-list.ts'
import { IndexSet } from '../state/index-set.ts'
import type { EventOf, EventParts } from './event-parts.ts'
import type { Childhood, Member } from '../state/member.ts'
import { endChildhood, removeIfIdle } from './transitions.ts'

/** No child has more pieces under way and asked for at once: one that asks for all would take all from the others. */
const MOST_OPEN = 256

export function onChildJoined({ task, peer, order }: EventOf<'child-joined'>, parts: EventParts): void {
  const member = parts.register.enter(task, peer)
  if (member === undefined) return
  if (member.child !== undefined) {
    member.child.order = order
    return
  }
  const { swarm, held } = member
  const need = new IndexSet()
  member.child = { order, from: 0, priority: 'foreground', need, fetches: new FetchList(), credits: 0, openSince: 0, cdnInFlight: 0, cdnTotal: 0, toldBackToSource: false, idleSince: undefined, isPatienceOver: false }
  for (let piece = 0; piece < swarm.copies.size; piece++) if (!held.has(piece)) swarm.need(member, piece)
  swarm.addChild(member)
  parts.reasons.joined(member)
}

export function onChildLeft({ task, peer }: EventOf<'child-left'>, parts: EventParts): void {
  const member = parts.register.find(task, peer)
  if (member?.child === undefined) return
  endChildhood(member, 'child-left', parts)
  removeIfIdle(member)
}

export function onPiecesWanted({ task, peer, count, priority = 'foreground', from }: EventOf<'pieces-wanted'>, parts: EventParts): void {
  const { register, wakes, reasons } = parts
  const member = register.find(task, peer)
  const child = member?.child
  if (member === undefined || child === undefined) return
  if (child.priority !== priority) changePriority(member, child, priority)
  child.from = from ?? child.from
  if (!(count > 0)) return
  // Whoever waits with credits already could not be served before either.
  const hadCredits = child.credits > 0
  child.credits = Math.min(child.credits + Math.floor(count), MOST_OPEN - child.fetches.count)
  if (hadCredits) return
  reasons.opened(child)
  wakes.children.add(member)
}

/** Nobody can be served for that who could not before, but the next slot may go to another. */
function changePriority(member: Member, child: Childhood, priority: Priority): void {
  child.priority = priority
  member.swarm.queue(member)
}
