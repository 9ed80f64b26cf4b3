import type { PeerId, TaskId } from '@damselfly/shared'
import { CLOCK_SKEW_MS, TICKET_LIFETIME_MS, type TicketGrant } from './ticket.ts'

/** Whom or what tickets are about that do not count any more: a peer, as child or parent, or a task. */
export type RevokedSubject = { readonly peer: PeerId } | { readonly taskId: TaskId }

/** The supernode's word that tickets about the subject do not count, however long they were to last. */
export interface TicketRevocation {
  readonly subject: RevokedSubject
  /** Concerns tickets that were issued until then; milliseconds since 1970, by the supernode's clock alone. */
  readonly issuedUntil: number
}

/** What a ticket says that decides whether it is revoked. */
export type RevocableGrant = Pick<TicketGrant, 'taskId' | 'child' | 'parent' | 'issuedAt'>

/** After so long every ticket that a revocation concerns has expired by itself; milliseconds. */
export const REVOCATION_MEMORY_MS: number = TICKET_LIFETIME_MS + 2 * CLOCK_SKEW_MS

interface Kept {
  readonly issuedUntil: number
  /** When nobody needs to know any more, on the scale of `now`. */
  readonly forgottenAt: number
}

/** The tickets that count no more although they have not expired, as a supernode says. */
export class RevokedTickets {
  readonly #now: () => number
  readonly #kept = new Map<PeerId | TaskId, Kept>()
  readonly #listeners = new Set<(revocations: readonly TicketRevocation[]) => void>()

  /** @param now milliseconds on a scale that never steps back */
  constructor(now: () => number) {
    this.#now = now
  }

  /** What is told again changes nothing; a later time replaces an earlier one. */
  add(revocations: readonly TicketRevocation[]): void {
    const now = this.#now()
    for (const [key, { forgottenAt }] of this.#kept) if (forgottenAt < now) this.#kept.delete(key)
    const news = revocations.filter(({ subject, issuedUntil }) => issuedUntil > (this.#kept.get(keyOf(subject))?.issuedUntil ?? -1))
    for (const { subject, issuedUntil } of news) this.#kept.set(keyOf(subject), { issuedUntil, forgottenAt: now + REVOCATION_MEMORY_MS })
    if (news.length > 0) for (const listener of this.#listeners) listener(news)
  }

  isRevoked({ taskId, child, parent, issuedAt }: RevocableGrant): boolean {
    if (this.#kept.size === 0) return false
    return [taskId, child, parent].some((key) => issuedAt <= (this.#kept.get(key)?.issuedUntil ?? -1))
  }

  /** @returns ends the subscription */
  onChange(listener: (revocations: readonly TicketRevocation[]) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

/** The peers among what was revoked. */
export function revokedPeers(revocations: readonly TicketRevocation[]): readonly PeerId[] {
  return revocations.flatMap(({ subject }) => ('peer' in subject ? [subject.peer] : []))
}

/** Ids of peers and tasks differ in length, so that none is taken for another. */
function keyOf(subject: RevokedSubject): PeerId | TaskId {
  return 'peer' in subject ? subject.peer : subject.taskId
}
