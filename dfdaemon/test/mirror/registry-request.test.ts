import assert from 'node:assert/strict'
import { formatDigest, sha256 } from '@damselfly/shared'
import { readRegistryRequest } from '../../src/mirror/registry-request.ts'

const digest = sha256(Buffer.from('layer'))
const text = formatDigest(digest)

describe('a request to a registry', () => {
  const read = (url: string): ReturnType<typeof readRegistryRequest> => readRegistryRequest(url, 'docker.io')

  it('goes to the registry that ns names, and ns goes no further', () => {
    const { registry, path } = read('/v2/library/alpine/tags/list?ns=Registry.Test:5000&n=3') ?? assert.fail()
    assert.deepEqual([registry, path], ['registry.test:5000', '/v2/library/alpine/tags/list?n=3'])
  })

  for (const host of ['registry.test', 'registry:5000', 'localhost', '127.0.0.1:5000', '[::1]:5000']) {
    it(`goes to ${host} where that begins the path`, () => {
      assert.deepEqual(read(`/v2/${host}/a/b/blobs/${text}`), {
        namedBy: 'path',
        registry: host,
        path: `/v2/a/b/blobs/${text}`,
        target: { type: 'blob', repository: 'a/b', digest },
      })
    })
  }

  it('knows a port behind two underscores', () => {
    for (const [host, registry] of [['registry.test__5000', 'registry.test:5000'], ['localhost__5000', 'localhost:5000'], ['registry__5000', 'registry:5000']]) {
      const asked = read(`/v2/${host}/a/tags/list`)
      assert.deepEqual([asked?.registry, asked?.path], [registry, '/v2/a/tags/list'])
    }
    assert.equal(read('/v2/a__b/c/tags/list')?.registry, 'docker.io')
  })

  it('goes nowhere where the host can be none', () => {
    for (const url of ['/v2/y.9/a/tags/list', '/v2/1.2.3.256/a/tags/list', '/v2/a/tags/list?ns=y.9']) assert.equal(read(url), undefined, url)
  })

  it('goes to the usual registry otherwise', () => {
    assert.deepEqual(read('/v2/library/alpine/manifests/3.20'), {
      namedBy: 'usual',
      registry: 'docker.io',
      path: '/v2/library/alpine/manifests/3.20',
      target: { type: 'tag', repository: 'library/alpine', tag: '3.20' },
    })
    assert.equal(read('/v2/')?.target.type, 'other')
    assert.equal(read('/v2')?.target.type, 'other')
  })

  it('knows manifests by digest', () => {
    assert.deepEqual(read(`/v2/a/manifests/${text}`)?.target, { type: 'manifest', repository: 'a', digest })
  })

  for (const path of [
    `/v2/a/blobs/sha512:${'0'.repeat(128)}`,
    `/v2/a/blobs/${text.toUpperCase()}`,
    `/v2/A/blobs/${text}`,
    `/v2/a/blobs/${text}?other=1`,
    '/v2/a/manifests/-x',
    `/v2/a/referrers/${text}`,
    '/v2/a/blobs/uploads/',
  ]) {
    it(`leaves ${path} to the registry`, () => assert.deepEqual(read(path)?.target, { type: 'other' }))
  }

  for (const path of ['/', '/v1/x', '/v2x', '/v2/a..b@c:/x', '/v2/x?ns=a/b', '/v2/x?ns=', '/v2/x?ns=user@host', '//v2/']) {
    it(`is none: ${path}`, () => assert.equal(read(path), undefined))
  }
})
