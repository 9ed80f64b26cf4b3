import { taskIdToBytes, type Clock, type PeerId, type TaskId } from '@damselfly/shared'
import { TICKET_LIFETIME_MS, type TicketGrant } from '@damselfly/exchange'
import type { TicketRevocations } from '../admission/ticket-revocations.ts'
import { endpointsFor, type ConnectedPeer, type ParentCard } from '../control/connected-peer.ts'

export interface ParentIntroductionsDeps {
  readonly clock: Clock
  readonly revocations: Pick<TicketRevocations, 'issueTime' | 'revoked'>
  /** @returns an encoded SignedTicket */
  readonly signTicket: (grant: TicketGrant) => Uint8Array
}

interface Introduction {
  /** Another object after the parent came back, maybe with other addresses. */
  readonly card: ParentCard
  readonly grant: TicketGrant
  /** The first assignment after this comes with a new ticket, on the clock's scale; milliseconds. */
  readonly renewAt: number
}

/** Tells each child once how to reach a parent of a task, with a ticket, and again when the ticket ages. */
export class ParentIntroductions {
  readonly #deps: ParentIntroductionsDeps
  /** Goes with the child's channel. */
  readonly #made = new WeakMap<ConnectedPeer, Map<TaskId, Map<PeerId, Introduction>>>()

  constructor(deps: ParentIntroductionsDeps) {
    this.#deps = deps
  }

  /** @param allowedMs how long the child's origin lets it have the content; milliseconds */
  introduce(child: ConnectedPeer, taskId: TaskId, card: ParentCard, allowedMs: number = Number.POSITIVE_INFINITY): void {
    const made = this.#madeTo(child, taskId)
    const known = made.get(card.peer)
    const { clock, revocations, signTicket } = this.#deps
    const now = clock.now()
    if (known?.card === card && now < known.renewAt && !revocations.revoked.isRevoked(known.grant)) return
    const lifetime = Math.max(0, Math.min(TICKET_LIFETIME_MS, allowedMs))
    const expiresAt = Math.round(clock.wallTime() + lifetime)
    const grant = { taskId, child: child.peer, parent: card.peer, expiresAt, issuedAt: revocations.issueTime() }
    made.set(card.peer, { card, grant, renewAt: now + lifetime / 2 })
    const signedTicket = signTicket(grant)
    const { peer, security, isCdn } = card
    const endpoints = endpointsFor(child, card).map((one) => ({ ...one }))
    child.session.send({
      case: 'parent',
      value: { taskId: taskIdToBytes(taskId), peer, security, isCdn, signedTicket, endpoints },
    })
  }

  /** Whether the child may know this parent of the task. */
  knows(child: ConnectedPeer, taskId: TaskId, parent: PeerId): boolean {
    return this.#made.get(child)?.get(taskId)?.has(parent) ?? false
  }

  /** The child has forgotten the task's parents. */
  forget(child: ConnectedPeer, taskId: TaskId): void {
    this.#made.get(child)?.delete(taskId)
  }

  #madeTo(child: ConnectedPeer, taskId: TaskId): Map<PeerId, Introduction> {
    const tasks = getOrMake(this.#made, child, () => new Map<TaskId, Map<PeerId, Introduction>>())
    return getOrMake(tasks, taskId, () => new Map<PeerId, Introduction>())
  }
}

function getOrMake<K, V>(map: { get(key: K): V | undefined; set(key: K, value: V): unknown }, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
