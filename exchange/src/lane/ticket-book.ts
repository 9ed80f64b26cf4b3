import { DamselflyError, isDamselflyError, type PeerId, type TaskId } from '@damselfly/shared'
import { isExpired, verifyTicket, type TicketGrant } from '../identity/ticket.ts'

/** One child seldom downloads more tasks from one parent at once; more push out the oldest. */
const MAX_TICKETS = 1024

/** Of a peer that follows the rules a ticket is refused now and then; more than these in a row are somebody's trial. */
const MAX_REFUSED = 256

export interface TicketBookInit {
  /** Whose signatures count now. */
  readonly supernodes: () => ReadonlySet<PeerId>
  readonly child: PeerId
  readonly parent: PeerId
  /** Whether the supernode took a ticket back. */
  readonly isRevoked: (grant: TicketGrant) => boolean
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
}

/** The tickets that one child has shown on one channel. */
export class TicketBook {
  readonly #init: TicketBookInit
  readonly #grants = new Map<TaskId, TicketGrant>()
  #lastRefused: DamselflyError | undefined
  /** In a row. */
  #refused = 0

  constructor(init: TicketBookInit) {
    this.#init = init
  }

  /** A ticket that does not count is only remembered as the reason for later refusals. @throws DamselflyError PROTOCOL after too many */
  add(signedTicket: Uint8Array): void {
    const { supernodes, child, parent, isRevoked, wallTime } = this.#init
    try {
      const grant = verifyTicket(signedTicket, { supernodes: supernodes(), child, parent, now: wallTime() })
      if (isRevoked(grant)) throw new DamselflyError('TICKET_INVALID', 'the supernode took the ticket back')
      const known = this.#grants.get(grant.taskId)
      if (known !== undefined && isNewer(known, grant)) return
      this.#grants.delete(grant.taskId)
      this.#grants.set(grant.taskId, grant)
      this.#refused = 0
    } catch (error) {
      if (!isDamselflyError(error)) throw error
      this.#lastRefused = error
      if (++this.#refused > MAX_REFUSED) throw new DamselflyError('PROTOCOL', 'too many tickets that do not count')
    }
    const [oldest] = this.#grants.keys()
    if (this.#grants.size > MAX_TICKETS && oldest !== undefined) this.#grants.delete(oldest)
  }

  /** Tickets were taken back. @returns whether any is left that counts */
  dropRevoked(): boolean {
    for (const [taskId, grant] of this.#grants) if (this.#init.isRevoked(grant)) this.#grants.delete(taskId)
    return this.#grants.size > 0
  }

  has(taskId: TaskId): boolean {
    return this.#grants.has(taskId)
  }

  /** @throws DamselflyError TICKET_INVALID when the child may not have this task now. */
  check(taskId: TaskId): void {
    const grant = this.#grants.get(taskId)
    if (grant === undefined) {
      throw this.#lastRefused ?? new DamselflyError('TICKET_INVALID', 'no ticket for this task was shown')
    }
    if (isExpired(grant, this.#init.wallTime())) {
      throw new DamselflyError('TICKET_INVALID', 'the ticket for this task has expired')
    }
  }
}

/** A later ticket may end sooner: the right to the task became narrower. */
function isNewer(one: TicketGrant, other: TicketGrant): boolean {
  return one.issuedAt === other.issuedAt ? one.expiresAt > other.expiresAt : one.issuedAt > other.issuedAt
}
