import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { Identity } from './identity.ts'
import { peerIdFromPublicKey, PUBLIC_KEY_BYTES, signedBytes } from './peer-id.ts'

/** libp2p's protobuf PrivateKey { type: Ed25519 (1), data: 64 bytes }, up to the data. */
const PROTOBUF_PREFIX = Uint8Array.of(0x08, 0x01, 0x12, 0x40)

const SEED_BYTES = 32

/** A new key pair that lives in memory only. */
export function createIdentity(): Identity {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const seed = Buffer.from(jwk.d ?? '', 'base64url')
  const publicKey = Buffer.from(jwk.x ?? '', 'base64url')
  return identityOf(Buffer.concat([PROTOBUF_PREFIX, seed, publicKey]))
}

/** @returns undefined when the bytes are not an Ed25519 key as libp2p's `privateKeyToProtobuf` writes it. */
export function identityFromProtobuf(bytes: Uint8Array): Identity | undefined {
  if (bytes.length !== PROTOBUF_PREFIX.length + SEED_BYTES + PUBLIC_KEY_BYTES) return undefined
  if (!PROTOBUF_PREFIX.every((byte, index) => bytes[index] === byte)) return undefined
  return identityOf(bytes)
}

/** The private key for node:crypto, node:tls and WebCrypto. */
export function privateKeyObject(privateKeyProtobuf: Uint8Array): KeyObject {
  const data = privateKeyProtobuf.subarray(PROTOBUF_PREFIX.length)
  return createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'OKP',
      crv: 'Ed25519',
      d: Buffer.from(data.subarray(0, SEED_BYTES)).toString('base64url'),
      x: Buffer.from(data.subarray(SEED_BYTES)).toString('base64url'),
    },
  })
}

function identityOf(privateKeyProtobuf: Uint8Array): Identity {
  const key = privateKeyObject(privateKeyProtobuf)
  return {
    peerId: peerIdFromPublicKey(privateKeyProtobuf.subarray(PROTOBUF_PREFIX.length + SEED_BYTES)),
    privateKeyProtobuf,
    sign: (context, bytes) => sign(null, signedBytes(context, bytes), key),
  }
}
