import assert from 'node:assert/strict'
import { mediaTypeOf } from '../../src/mirror/media-type.ts'

describe('the media type of a manifest', () => {
  const of = (value: unknown): string | undefined => mediaTypeOf(Buffer.from(JSON.stringify(value)))

  it('is what the manifest says', () => assert.equal(of({ mediaType: 'application/x', config: {} }), 'application/x'))

  for (const [expected, manifest] of [
    ['application/vnd.oci.image.index.v1+json', { schemaVersion: 2, manifests: [] }],
    ['application/vnd.oci.image.manifest.v1+json', { schemaVersion: 2, config: {}, layers: [] }],
    ['application/vnd.docker.distribution.manifest.v1+prettyjws', { schemaVersion: 1, signatures: [] }],
    ['application/vnd.docker.distribution.manifest.v1+json', { schemaVersion: 1 }],
  ] as const) {
    it(`is told by its parts: ${expected}`, () => assert.equal(of(manifest), expected))
  }

  it('is unknown for what is no manifest', () => {
    assert.deepEqual([of({}), of(null), of(3), mediaTypeOf(Buffer.from('{'))], [undefined, undefined, undefined, undefined])
  })
})
