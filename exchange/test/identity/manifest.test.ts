import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { isDamselflyError, merkleRoot, sha256 } from '@damselfly/shared'
import { create, encode, ManifestSchema, SignedManifestSchema, type MessageInitShape } from '@damselfly/shared/wire'
import fc from 'fast-check'
import { createIdentity } from '../../src/identity/private-key.ts'
import { signManifest, splitDigests, verifyManifest } from '../../src/identity/signed-manifest.ts'

type ManifestInit = MessageInitShape<typeof ManifestSchema>

const supernode = createIdentity()
const trusted = new Set([supernode.peerId])
const digests = Array.from({ length: 3 }, () => randomBytes(32))

const manifestWith = (change: ManifestInit) =>
  create(ManifestSchema, {
    taskId: randomBytes(32),
    contentLength: 2_500n,
    pieceSize: 1_000,
    pieceDigests: Buffer.concat(digests),
    merkleRoot: merkleRoot(digests),
    contentDigest: randomBytes(32),
    url: 'http://origin.example/file',
    ...change,
  })

const refusedBecause = (why: RegExp) => (error: unknown) => isDamselflyError(error, 'PROTOCOL') && why.test(error.message)

describe('a signed manifest', () => {
  it('is read as it was signed', () => {
    const manifest = manifestWith({ validators: { etag: '"a"', lastModified: '' } })
    const read = verifyManifest(signManifest(supernode, manifest), trusted)
    assert.deepEqual(encode(ManifestSchema, read), encode(ManifestSchema, manifest))
    assert.deepEqual(splitDigests(read.pieceDigests).map((one) => Buffer.from(one)), digests)
  })

  it('may be of an empty content', () => {
    const empty = manifestWith({ contentLength: 0n, pieceDigests: new Uint8Array(), merkleRoot: merkleRoot([]), contentDigest: sha256() })
    assert.equal(verifyManifest(signManifest(supernode, empty), trusted).contentLength, 0n)
  })

  it('counts only when the supernode signed it', () => {
    const bytes = signManifest(createIdentity(), manifestWith({}))
    assert.throws(() => verifyManifest(bytes, trusted), refusedBecause(/not signed/))
  })

  it('counts only when its parts fit together', () => {
    const broken: readonly (readonly [ManifestInit, RegExp])[] = [
      [{ merkleRoot: randomBytes(32) }, /Merkle root/],
      [{ merkleRoot: new Uint8Array() }, /Merkle root/],
      [{ contentLength: 9_999n }, /3 digests for 10 pieces/],
      [{ pieceDigests: randomBytes(95) }, /multiple of 32/],
      [{ taskId: randomBytes(31) }, /task id/],
      [{ contentDigest: randomBytes(20) }, /content digest/],
      [{ pieceSize: 0 }, /piece size/],
      [{ contentLength: 2n ** 60n }, /out of range/],
      [{ contentLength: 2n ** 50n, pieceSize: 1 }, /more than/],
    ]
    for (const [change, why] of broken) {
      const bytes = signManifest(supernode, manifestWith(change))
      assert.throws(() => verifyManifest(bytes, trusted), refusedBecause(why))
    }
  })

  it('refuses garbage, signed or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.throws(() => verifyManifest(bytes, trusted), refusedBecause(/./))
        const signature = supernode.sign('damselfly/manifest/1', bytes)
        const signed = encode(SignedManifestSchema, create(SignedManifestSchema, { manifest: bytes, signature }))
        assert.throws(() => verifyManifest(signed, trusted), refusedBecause(/./))
      }),
      { numRuns: 50 },
    )
  })

  it('never says anything else when one bit of it is changed', () => {
    const manifest = manifestWith({})
    const valid = signManifest(supernode, manifest)
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(valid)
        changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        try {
          // Bits of the envelope that say nothing may change.
          assert.deepEqual(encode(ManifestSchema, verifyManifest(changed, trusted)), encode(ManifestSchema, manifest))
        } catch (error) {
          assert.ok(refusedBecause(/./)(error), String(error))
        }
      }),
    )
  })
})
