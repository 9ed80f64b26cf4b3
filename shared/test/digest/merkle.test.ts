import assert from 'node:assert/strict'
import { merkleRoot, sha256 } from '@damselfly/shared'
import fc from 'fast-check'

// The leaves and roots that the Certificate Transparency implementations of RFC 6962 test with.
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

/** The definition in RFC 6962 section 2.1 word for word: split at the largest power of two below n. */
function byDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined) return sha256()
  if (leaves.length === 1) return sha256(Uint8Array.of(0), first)
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return sha256(Uint8Array.of(1), byDefinition(leaves.slice(0, split)), byDefinition(leaves.slice(split)))
}

const digests = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 40 })

describe('merkleRoot', () => {
  for (const [count, root] of ROOTS.entries()) {
    it(`is the known one for ${count} leaves`, () => {
      const leaves = LEAVES.slice(0, count).map((hex) => Buffer.from(hex, 'hex'))
      assert.equal(Buffer.from(merkleRoot(leaves)).toString('hex'), root)
    })
  }

  it('follows the definition of RFC 6962 for any number of leaves', () => {
    fc.assert(
      fc.property(digests, (leaves) => {
        assert.deepEqual(Buffer.from(merkleRoot(leaves)), Buffer.from(byDefinition(leaves)))
      }),
    )
  })

  it('changes with every leaf', () => {
    fc.assert(
      fc.property(digests, fc.nat(), (leaves, at) => {
        fc.pre(leaves.length > 0)
        const changed = leaves.map((leaf, index) =>
          index === at % leaves.length ? leaf.map((byte) => byte ^ 1) : leaf,
        )
        assert.notDeepEqual(merkleRoot(changed), merkleRoot(leaves))
      }),
    )
  })

  it('does not take an inner node for a leaf', () => {
    const [a, b] = [sha256(Uint8Array.of(1)), sha256(Uint8Array.of(2))]
    assert.notDeepEqual(merkleRoot([merkleRoot([a, b])]), merkleRoot([a, b]))
  })
})
