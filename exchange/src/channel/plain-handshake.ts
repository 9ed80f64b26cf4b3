import { randomBytes } from 'node:crypto'
import { DamselflyError, type PeerId } from '@damselfly/shared'
import type { Identity } from '../identity/identity.ts'
import { peerIdFromPublicKey, PUBLIC_KEY_BYTES, publicKeyOfPeer, SIGNATURE_BYTES, verifySignature } from '../identity/peer-id.ts'
import type { ByteLink } from './byte-link.ts'
import { PROTOCOLS, type Protocol } from './channel.ts'
import { LinkReader } from './link-reader.ts'

/*
 * Each side signs both nonces, so that no old signature is of use:
 *
 *   child  -> parent   magic | protocol | child key | child nonce
 *   child  <- parent   magic | parent key | parent nonce | signature
 *   child  -> parent   signature
 *
 * What follows is neither encrypted nor authenticated: for networks that are trusted.
 */
const MAGIC = Buffer.from('DFPLAIN1', 'ascii')
const PROTOCOL_BYTES = 32
const NONCE_BYTES = 32
const KEY_AND_NONCE = PUBLIC_KEY_BYTES + NONCE_BYTES
const HELLO_BYTES = MAGIC.length + PROTOCOL_BYTES + KEY_AND_NONCE
const ANSWER_BYTES = MAGIC.length + KEY_AND_NONCE + SIGNATURE_BYTES

export interface PlainGreeting {
  readonly remotePeer: PeerId
  readonly protocol: Protocol
  /** What came behind the handshake already. */
  readonly early: Uint8Array
}

/** The dialling side. @throws DamselflyError PROTOCOL, PEER_IDENTITY, CHANNEL_CLOSED, or the signal's reason */
export async function greetPlainly(
  link: ByteLink,
  identity: Identity,
  protocol: Protocol,
  signal: AbortSignal,
): Promise<PlainGreeting> {
  const reader = new LinkReader(link, signal)
  const hello = Buffer.concat([MAGIC, protocolField(protocol), keyAndNonce(identity)])
  send(link, hello)
  const answer = await reader.read(ANSWER_BYTES)
  checkMagic(answer)
  const remote = answer.subarray(MAGIC.length, MAGIC.length + KEY_AND_NONCE)
  const remotePeer = peerIdFromPublicKey(remote.subarray(0, PUBLIC_KEY_BYTES))
  checkSignature(remotePeer, transcript('parent', hello, remote), answer.subarray(MAGIC.length + KEY_AND_NONCE))
  send(link, identity.sign('damselfly/plain-handshake/1', transcript('child', hello, remote)))
  return { remotePeer, protocol, early: reader.finish() }
}

/** The listening side. @throws DamselflyError PROTOCOL, PEER_IDENTITY, CHANNEL_CLOSED, or the signal's reason */
export async function answerPlainly(link: ByteLink, identity: Identity, signal: AbortSignal): Promise<PlainGreeting> {
  const reader = new LinkReader(link, signal)
  const hello = await reader.read(HELLO_BYTES)
  checkMagic(hello)
  const protocol = protocolOf(hello.subarray(MAGIC.length, MAGIC.length + PROTOCOL_BYTES))
  const remotePeer = peerIdFromPublicKey(hello.subarray(MAGIC.length + PROTOCOL_BYTES).subarray(0, PUBLIC_KEY_BYTES))
  const own = keyAndNonce(identity)
  const signature = identity.sign('damselfly/plain-handshake/1', transcript('parent', hello, own))
  send(link, Buffer.concat([MAGIC, own, signature]))
  checkSignature(remotePeer, transcript('child', hello, own), await reader.read(SIGNATURE_BYTES))
  return { remotePeer, protocol, early: reader.finish() }
}

/** The signer's role is part of it, so that a signature cannot be sent back to who made it. */
function transcript(signer: 'child' | 'parent', hello: Uint8Array, parentKeyAndNonce: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${signer}\0`, 'ascii'), hello, parentKeyAndNonce])
}

function keyAndNonce(identity: Identity): Uint8Array {
  return Buffer.concat([publicKeyOfPeer(identity.peerId), randomBytes(NONCE_BYTES)])
}

function protocolField(protocol: Protocol): Buffer {
  const field = Buffer.alloc(PROTOCOL_BYTES)
  field.write(protocol, 'ascii')
  return field
}

function protocolOf(field: Uint8Array): Protocol {
  const protocol = PROTOCOLS.find((known) => protocolField(known).equals(field))
  // Commands of the supernode are never sent where somebody could read or change them.
  if (protocol !== '/damselfly/piece/1') throw new DamselflyError('PROTOCOL', 'a plain connection carries pieces only')
  return protocol
}

function checkMagic(bytes: Uint8Array): void {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw new DamselflyError('PROTOCOL', 'the other side does not speak the plain handshake')
  }
}

function checkSignature(peer: PeerId, signed: Uint8Array, signature: Uint8Array): void {
  if (!verifySignature(peer, 'damselfly/plain-handshake/1', signed, signature)) {
    throw new DamselflyError('PEER_IDENTITY', `the other side does not have the key of ${peer}`)
  }
}

function send(link: ByteLink, bytes: Uint8Array): void {
  // A failed write shows as the end of the link, which the reader reports.
  link.write([bytes], () => undefined)
}
