import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import type { ICryptoInterface, KeyPair } from '@libp2p/noise'
import { Uint8ArrayList } from 'uint8arraylist'
import { giveBack } from './give-back.ts'

const CIPHER = 'chacha20-poly1305'
const TAG_BYTES = 16
const HASH_BYTES = 32

/** Parts below this are joined before they are sealed: each call of the cipher has its price; bytes. */
const SMALL_PART = 1024

type Bytes = Uint8Array | Uint8ArrayList

/**
 * Noise's primitives by OpenSSL, with what the library's own leave out: a key is prepared once, sealed bytes are not
 * copied to put the tag behind them, and memory is given back as soon as it was used.
 */
export const noiseCrypto: ICryptoInterface = {
  hashSHA256(data) {
    const hash = createHash('sha256')
    for (const part of partsOf(data)) hash.update(part)
    return hash.digest()
  },

  getHKDF(salt, material) {
    const bytes = new Uint8Array(hkdfSync('sha256', material, salt, '', 3 * HASH_BYTES))
    const key = (index: number): Uint8Array => bytes.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES)
    return [key(0), key(1), key(2)]
  },

  generateX25519KeyPair() {
    return rawKeyPair(generateKeyPairSync('x25519').privateKey)
  },

  generateX25519KeyPairFromSeed(seed) {
    return rawKeyPair(privateKeyOf(seed))
  },

  generateX25519SharedKey(privateKey, publicKey) {
    return diffieHellman({ privateKey: privateKeyOf(privateKey.subarray()), publicKey: publicKeyOf(publicKey.subarray()) })
  },

  chaCha20Poly1305Encrypt(plaintext, nonce, associated, key) {
    const cipher = createCipheriv(CIPHER, prepared(key), nonce, { authTagLength: TAG_BYTES })
    if (associated.length > 0) cipher.setAAD(associated, { plaintextLength: plaintext.byteLength })
    const sealed = new Uint8ArrayList()
    for (const part of withoutSmallParts(partsOf(plaintext))) sealed.append(cipher.update(part))
    cipher.final()
    sealed.append(cipher.getAuthTag())
    return sealed
  },

  /** @param scratch the sealed bytes without their tag once more, in one piece */
  chaCha20Poly1305Decrypt(ciphertext, nonce, associated, key, scratch) {
    const length = ciphertext.byteLength - TAG_BYTES
    const sealed = scratch ?? ciphertext.subarray(0, length)
    const decipher = createDecipheriv(CIPHER, prepared(key), nonce, { authTagLength: TAG_BYTES })
    if (associated.length > 0) decipher.setAAD(associated, { plaintextLength: length })
    decipher.setAuthTag(ciphertext.subarray(length))
    const plaintext = decipher.update(sealed)
    decipher.final()
    if (isCopyOf(sealed, ciphertext)) giveBack(sealed)
    return plaintext
  },
}

const preparedKeys = new WeakMap<Uint8Array, KeyObject>()

function prepared(key: Uint8Array): KeyObject {
  const known = preparedKeys.get(key)
  if (known !== undefined) return known
  const made = createSecretKey(key)
  preparedKeys.set(key, made)
  return made
}

/** A list of several parts can only be shown as one by copying it. */
function isCopyOf(bytes: Uint8Array, source: Bytes): boolean {
  return !(source instanceof Uint8Array) && bytes.byteLength === bytes.buffer.byteLength
}

function partsOf(bytes: Bytes): Iterable<Uint8Array> {
  return bytes instanceof Uint8Array ? [bytes] : bytes
}

function* withoutSmallParts(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  let small: Uint8Array[] = []
  for (const part of parts) {
    if (part.length < SMALL_PART) {
      small.push(part)
      continue
    }
    if (small.length > 0) yield Buffer.concat(small)
    small = []
    yield part
  }
  if (small.length > 0) yield Buffer.concat(small)
}

function rawKeyPair(key: KeyObject): KeyPair {
  const { d = '', x = '' } = key.export({ format: 'jwk' })
  return { privateKey: Buffer.from(d, 'base64url'), publicKey: Buffer.from(x, 'base64url') }
}

/** PKCS #8 and SPKI of X25519 up to the key itself (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')

function privateKeyOf(raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' })
}

function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' })
}
