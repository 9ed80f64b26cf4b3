import { DamselflyError, type PeerId } from '@damselfly/shared'
import { create, decode, encode, SignedTicketKeySchema, TicketKeySchema, toNumber, type SignedTicketKey } from '@damselfly/shared/wire'
import type { Identity } from './identity.ts'
import { verifySignature } from './peer-id.ts'

/** A key that signs tickets in a supernode's place. */
export interface TicketKey {
  readonly signer: PeerId
  /** No ticket that it signed lasts longer; milliseconds since 1970. */
  readonly expiresAt: number
}

/** A PeerId and a time weigh about 70; bytes. */
const MAX_KEY_BYTES = 256

/** @param identity of the supernode */
export function signTicketKey(identity: Identity, { signer, expiresAt }: TicketKey): SignedTicketKey {
  const key = encode(TicketKeySchema, create(TicketKeySchema, { signer, expiresAt: BigInt(expiresAt) }))
  return create(SignedTicketKeySchema, { key, signature: identity.sign('damselfly/ticket-key/1', key) })
}

/** @param supernodes whose word counts. @throws DamselflyError PROTOCOL, with what is wrong with it */
export function verifyTicketKey({ key, signature }: SignedTicketKey, supernodes: ReadonlySet<PeerId>): TicketKey {
  const isSigned = [...supernodes].some((supernode) => verifySignature(supernode, 'damselfly/ticket-key/1', key, signature))
  if (!isSigned) throw new DamselflyError('PROTOCOL', 'its key is not signed by the supernode')
  const { signer, expiresAt } = decode(TicketKeySchema, key, MAX_KEY_BYTES)
  return { signer: signer as PeerId, expiresAt: toNumber(expiresAt, 'an expiry') }
}
