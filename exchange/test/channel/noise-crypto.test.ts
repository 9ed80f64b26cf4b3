import assert from 'node:assert/strict'
import { pureJsCrypto } from '@libp2p/noise'
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { noiseCrypto } from '../../src/channel/noise-crypto.ts'

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const parts = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 })
const sealing = fc.record({ parts, nonce: bytes(12), associated: fc.uint8Array({ maxLength: 40 }), key: bytes(32) })

describe("Noise's primitives", () => {
  it('seal and open as the library does, in one part or many', () => {
    fc.assert(
      fc.property(sealing, ({ parts: plain, nonce, associated, key }) => {
        const whole = Buffer.concat(plain)
        const reference = pureJsCrypto.chaCha20Poly1305Encrypt(whole, nonce, associated, key).subarray()
        for (const plaintext of [whole, new Uint8ArrayList(...plain)]) {
          const sealed = noiseCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, associated, key).subarray()
          assert.deepEqual(Buffer.from(sealed), Buffer.from(reference))
        }
        for (const ciphertext of [Uint8Array.from(reference), inParts(reference)]) {
          const scratch = ciphertext.subarray(0, ciphertext.byteLength - 16)
          for (const given of [undefined, scratch]) {
            const opened = noiseCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, associated, key, given)
            assert.deepEqual(Buffer.from(opened.subarray()), whole)
          }
        }
      }),
    )
  })

  it('open nothing that was changed', () => {
    fc.assert(
      fc.property(sealing, fc.nat(), ({ parts: plain, nonce, associated, key }, where) => {
        const sealed = Uint8Array.from(pureJsCrypto.chaCha20Poly1305Encrypt(Buffer.concat(plain), nonce, associated, key).subarray())
        const at = where % sealed.length
        sealed[at] = 255 - (sealed[at] ?? 0)
        assert.throws(() => noiseCrypto.chaCha20Poly1305Decrypt(sealed, nonce, associated, key))
      }),
    )
  })

  it('agree on keys with the library', () => {
    const [ours, theirs] = [noiseCrypto.generateX25519KeyPair(), pureJsCrypto.generateX25519KeyPair()]
    const shared = noiseCrypto.generateX25519SharedKey(ours.privateKey, theirs.publicKey)
    assert.deepEqual(Buffer.from(shared), Buffer.from(pureJsCrypto.generateX25519SharedKey(theirs.privateKey, ours.publicKey)))
    const seed = new Uint8Array(32).fill(7)
    const { publicKey } = noiseCrypto.generateX25519KeyPairFromSeed(seed)
    assert.deepEqual(Buffer.from(publicKey), Buffer.from(pureJsCrypto.generateX25519KeyPairFromSeed(seed).publicKey))
  })

  it('hash and derive as the library does', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 100 }), (salt, material) => {
        const [ours, theirs] = [noiseCrypto, pureJsCrypto].map((crypto) => crypto.getHKDF(salt, material).map((key) => Buffer.from(key)))
        assert.deepEqual(ours, theirs)
        const list = new Uint8ArrayList(salt, material)
        assert.deepEqual(Buffer.from(noiseCrypto.hashSHA256(list)), Buffer.from(pureJsCrypto.hashSHA256(list)))
      }),
    )
  })
})

function inParts(whole: Uint8Array): Uint8ArrayList {
  const middle = whole.length >> 1
  return new Uint8ArrayList(whole.slice(0, middle), whole.slice(middle))
}
