import { PieceSet } from '../state/piece-set.ts'
import type { EventOf, EventParts } from './event-parts.ts'
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
  const need = new PieceSet()
  for (let piece = 0; piece < swarm.copies.size; piece++) if (!held.has(piece)) need.add(piece)
  member.child = { order, need, fetching: new Map(), credits: 0, cdnInFlight: 0, cdnTotal: 0, toldBackToSource: false }
  swarm.addChild(member)
}

export function onChildLeft({ task, peer }: EventOf<'child-left'>, parts: EventParts): void {
  const member = parts.register.find(task, peer)
  if (member?.child === undefined) return
  endChildhood(member, parts)
  removeIfIdle(member)
}

export function onPiecesWanted({ task, peer, count }: EventOf<'pieces-wanted'>, { register, wakes }: EventParts): void {
  const member = register.find(task, peer)
  const child = member?.child
  if (member === undefined || child === undefined || !(count > 0)) return
  child.credits = Math.min(child.credits + Math.floor(count), MOST_OPEN - child.fetching.size)
  wakes.children.add(member)
}
