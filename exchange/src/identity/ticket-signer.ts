import type { PeerId } from '@damselfly/shared'
import type { SignedTicketKey } from '@damselfly/shared/wire'
import type { Identity } from './identity.ts'
import { createIdentity } from './private-key.ts'
import { signTicketKey } from './ticket-key.ts'
import { CLOCK_SKEW_MS, signTicket, TICKET_LIFETIME_MS, type TicketGrant } from './ticket.ts'

/** How long a key signs tickets before another takes its place; milliseconds. */
export const TICKET_KEY_USE_MS: number = 24 * 60 * 60 * 1000

/** And so how long what one signed can count; milliseconds. */
const TICKET_KEY_LIFETIME_MS: number = TICKET_KEY_USE_MS + TICKET_LIFETIME_MS + CLOCK_SKEW_MS

export interface TicketSignerInit {
  /** Of the supernode; it signs the keys, and no ticket. */
  readonly identity: Identity
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly onNewKey?: (signer: PeerId) => void
}

interface KeyInUse {
  readonly identity: Identity
  readonly since: number
  readonly signed: SignedTicketKey
}

/**
 * Signs tickets with keys that live in memory only, each for a day: whoever steals one can make tickets until it expires,
 * and never be the supernode. What an older one signed counts on until it expires, since each ticket brings the word for its key.
 */
export class TicketSigner {
  readonly #init: TicketSignerInit
  #inUse: KeyInUse | undefined

  constructor(init: TicketSignerInit) {
    this.#init = init
  }

  /** @returns an encoded SignedTicket */
  sign(grant: TicketGrant): Uint8Array {
    const { identity, signed } = this.#key()
    return signTicket(identity, grant, signed)
  }

  #key(): KeyInUse {
    const now = this.#init.wallTime()
    // A clock that was ahead must not leave a key that lasts for years.
    if (this.#inUse === undefined || now >= this.#inUse.since + TICKET_KEY_USE_MS || now < this.#inUse.since) this.#inUse = this.#newKey(now)
    return this.#inUse
  }

  #newKey(since: number): KeyInUse {
    const identity = createIdentity()
    const signed = signTicketKey(this.#init.identity, { signer: identity.peerId, expiresAt: Math.ceil(since + TICKET_KEY_LIFETIME_MS) })
    this.#init.onNewKey?.(identity.peerId)
    return { identity, since, signed }
  }
}
