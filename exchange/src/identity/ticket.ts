import { DamselflyError, messageOf, taskIdFromBytes, taskIdToBytes, type PeerId, type TaskId } from '@damselfly/shared'
import { create, decode, encode, SignedTicketSchema, TicketSchema, toNumber, type SignedTicket, type SignedTicketKey } from '@damselfly/shared/wire'
import type { Identity } from './identity.ts'
import { verifySignature } from './peer-id.ts'
import { verifyTicketKey, type TicketKey } from './ticket-key.ts'

/** The supernode's permission for `child` to fetch a task from `parent`. */
export interface TicketGrant {
  readonly taskId: TaskId
  readonly child: PeerId
  readonly parent: PeerId
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /** Likewise; what is revoked is told by it. */
  readonly issuedAt: number
}

export interface TicketExpectation {
  /** Whose signatures count. */
  readonly supernodes: ReadonlySet<PeerId>
  /** Who shows the ticket. */
  readonly child: PeerId
  /** Who checks it. */
  readonly parent: PeerId
  /** Milliseconds since 1970. */
  readonly now: number
}

/** How long a ticket lasts at most, and so how long a peer that hears nothing of its supernode can be misled; milliseconds. */
export const TICKET_LIFETIME_MS: number = 60 * 60 * 1000

/** Hosts' clocks differ; a ticket counts this much longer than it says; milliseconds. */
export const CLOCK_SKEW_MS = 60_000

/** Two PeerIds, a task id, times, a key and two signatures weigh about 400; bytes. */
export const MAX_TICKET_BYTES = 1024

/** @param key the supernode's word for `identity`, unless that is the supernode's own */
export function signTicket(identity: Identity, grant: TicketGrant, key?: SignedTicketKey): Uint8Array {
  const ticket = encode(
    TicketSchema,
    create(TicketSchema, {
      taskId: taskIdToBytes(grant.taskId),
      child: grant.child,
      parent: grant.parent,
      expiresAt: BigInt(grant.expiresAt),
      issuedAt: BigInt(grant.issuedAt),
    }),
  )
  const signature = identity.sign('damselfly/ticket/1', ticket)
  return encode(SignedTicketSchema, create(SignedTicketSchema, { ticket, signature, ...(key !== undefined && { key }) }))
}

/** @throws DamselflyError TICKET_INVALID, with what is wrong with it. */
export function verifyTicket(bytes: Uint8Array, expected: TicketExpectation): TicketGrant {
  const signed = readOr(() => decode(SignedTicketSchema, bytes, MAX_TICKET_BYTES))
  const key = readOr(() => keyOf(signed, expected))
  const signers = key === undefined ? [...expected.supernodes] : [key.signer]
  const isSigned = signers.some((signer) => verifySignature(signer, 'damselfly/ticket/1', signed.ticket, signed.signature))
  if (!isSigned) throw invalid('it is not signed by the supernode')
  const grant = readOr(() => readGrant(signed.ticket))
  if (key !== undefined && grant.expiresAt > key.expiresAt) throw invalid('it is to last longer than its key')
  if (grant.child !== expected.child) throw invalid(`it is for the child ${grant.child}`)
  if (grant.parent !== expected.parent) throw invalid(`it is for the parent ${grant.parent}`)
  if (isExpired(grant, expected.now)) {
    throw invalid(`it expired ${Math.round((expected.now - grant.expiresAt) / 1000)} s ago`)
  }
  return grant
}

/** What a ticket says, without a look at its signature: for whoever shows it. @throws DamselflyError TICKET_INVALID */
export function readTicket(bytes: Uint8Array): TicketGrant {
  return readOr(() => readGrant(decode(SignedTicketSchema, bytes, MAX_TICKET_BYTES).ticket))
}

/** @param now milliseconds since 1970. */
export function isExpired(grant: TicketGrant, now: number): boolean {
  return now > grant.expiresAt + CLOCK_SKEW_MS
}

function keyOf({ key }: SignedTicket, { supernodes }: TicketExpectation): TicketKey | undefined {
  return key === undefined ? undefined : verifyTicketKey(key, supernodes)
}

function readGrant(bytes: Uint8Array): TicketGrant {
  const ticket = decode(TicketSchema, bytes, MAX_TICKET_BYTES)
  return {
    taskId: taskIdFromBytes(ticket.taskId),
    child: ticket.child as PeerId,
    parent: ticket.parent as PeerId,
    expiresAt: toNumber(ticket.expiresAt, 'an expiry'),
    issuedAt: toNumber(ticket.issuedAt, 'a time of issue'),
  }
}

function readOr<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw invalid(messageOf(error), error)
  }
}

function invalid(why: string, cause?: unknown): DamselflyError {
  return new DamselflyError('TICKET_INVALID', `the ticket does not count: ${why}`, { cause })
}
