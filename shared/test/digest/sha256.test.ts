import assert from 'node:assert/strict'
import { digestsEqual, formatDigest, parseDigest, sha256, SHA256_BYTES } from '@damselfly/shared'
import fc from 'fast-check'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

describe('sha256', () => {
  it('has the known digest of nothing', () => {
    assert.equal(formatDigest(sha256()), `sha256:${EMPTY}`)
  })

  it('does not depend on how the input is cut', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        assert.ok(digestsEqual(sha256(a, b), sha256(Buffer.concat([a, b]))))
      }),
    )
  })
})

describe('digests as text', () => {
  it('survive the way to text and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: SHA256_BYTES, maxLength: SHA256_BYTES }), (digest) => {
        const parsed = parseDigest(formatDigest(digest))
        assert.ok(parsed !== undefined && digestsEqual(parsed, digest))
      }),
    )
  })

  it('are read in any case and between spaces', () => {
    const parsed = parseDigest(` SHA256:${EMPTY.toUpperCase()}\n`)
    assert.ok(parsed !== undefined && digestsEqual(parsed, sha256()))
  })

  for (const text of [
    '',
    EMPTY,
    `sha512:${EMPTY}`,
    `sha256:${EMPTY}0`,
    `sha256:${EMPTY.slice(1)}`,
    `sha256:${EMPTY.replace('e', 'g')}`,
  ]) {
    it(`are not read from '${text}'`, () => assert.equal(parseDigest(text), undefined))
  }

  it('are never read from other text', () => {
    fc.assert(fc.property(fc.string(), (text) => assert.equal(parseDigest(text), undefined)))
  })
})

describe('digestsEqual', () => {
  it('sees any difference, also in length', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        assert.equal(digestsEqual(a, b), a.join() === b.join())
      }),
    )
  })
})
