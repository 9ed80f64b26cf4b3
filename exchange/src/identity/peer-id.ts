import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { DamselflyError, type PeerId } from '@damselfly/shared'
import { LRUCache } from 'lru-cache'
import { base58btc } from 'multiformats/bases/base58'
import type { SigningContext } from './identity.ts'

/** Bytes of an Ed25519 public key. */
export const PUBLIC_KEY_BYTES = 32

/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64

/**
 * What comes before the key in a PeerId: an identity multihash (0x00) of 36 bytes that holds
 * libp2p's protobuf PublicKey { type: Ed25519 (1), data: 32 bytes }.
 */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

/** base58 of 38 bytes never needs more; longer text is not even decoded, since that takes quadratic time. */
const MAX_PEER_ID_CHARACTERS = 53

/** Making a key object takes as long as verifying with it, and a peer hears from the same few others all the time. */
const KEPT_KEYS = 256

const keys = new LRUCache<string, KeyObject>({ max: KEPT_KEYS })

/** The PeerId of a raw Ed25519 public key of 32 bytes. */
export function peerIdFromPublicKey(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new RangeError(`an Ed25519 public key has ${PUBLIC_KEY_BYTES} bytes, not ${publicKey.length}`)
  }
  return base58btc.baseEncode(Buffer.concat([PEER_ID_PREFIX, publicKey])) as PeerId
}

/**
 * The raw Ed25519 public key inside a PeerId.
 *
 * @throws DamselflyError PROTOCOL when the text is not the PeerId of an Ed25519 key.
 */
export function publicKeyOfPeer(peerId: string): Uint8Array {
  const key = decodePeerId(peerId)
  if (key === undefined) throw new DamselflyError('PROTOCOL', `'${peerId.slice(0, 80)}' is not the PeerId of an Ed25519 key`)
  return key
}

export function isPeerId(text: string): text is PeerId {
  return decodePeerId(text) !== undefined
}

/** Whether `signature` is the peer's, made over these bytes for this purpose. */
export function verifySignature(
  peerId: PeerId,
  context: SigningContext,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = signature.length === SIGNATURE_BYTES ? publicKeyObject(peerId) : undefined
  return key !== undefined && verify(null, signedBytes(context, bytes), key, signature)
}

/** What a signature really covers; a zero byte ends the context, so that no two contexts can overlap. */
export function signedBytes(context: SigningContext, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(context, 'ascii'), Uint8Array.of(0), bytes])
}

function decodePeerId(text: string): Uint8Array | undefined {
  if (text.length === 0 || text.length > MAX_PEER_ID_CHARACTERS) return undefined
  let bytes: Uint8Array
  try {
    bytes = base58btc.baseDecode(text)
  } catch {
    return undefined
  }
  if (bytes.length !== PEER_ID_PREFIX.length + PUBLIC_KEY_BYTES) return undefined
  if (!PEER_ID_PREFIX.every((byte, index) => bytes[index] === byte)) return undefined
  return bytes.subarray(PEER_ID_PREFIX.length)
}

/** Undefined for what is no PeerId. */
function publicKeyObject(peerId: string): KeyObject | undefined {
  const kept = keys.get(peerId)
  if (kept !== undefined) return kept
  const raw = decodePeerId(peerId)
  if (raw === undefined) return undefined
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') }, format: 'jwk' })
  keys.set(peerId, key)
  return key
}
