import assert from 'node:assert/strict'
import { linksThroughMirror } from '../../src/mirror/registry-links.ts'
import { readRegistryRequest } from '../../src/mirror/registry-request.ts'

const ENDPOINT = 'https://registry.test'

describe('the links of a registry', () => {
  const through = (url: string, headers: Record<string, string>): unknown =>
    linksThroughMirror(headers, readRegistryRequest(url, 'usual.test') ?? assert.fail(), ENDPOINT)

  for (const [how, url, next] of [
    ['the path', '/v2/registry.test/app/tags/list?n=1', '/v2/registry.test/app/tags/list?last=a&n=1'],
    ['ns', '/v2/app/tags/list?n=1&ns=registry.test', '/v2/app/tags/list?last=a&n=1&ns=registry.test'],
    ['nothing', '/v2/app/tags/list?n=1', '/v2/app/tags/list?last=a&n=1'],
  ] as const) {
    it(`lead through the mirror as the request did, where ${how} named the registry`, () => {
      const page = '/v2/app/tags/list?last=a&n=1'
      assert.deepEqual(through(url, { link: `<${page}>; rel="next"` }), { link: `<${next}>; rel="next"` })
      assert.deepEqual(through(url, { location: `${ENDPOINT}${page}` }), { location: next })
    })
  }

  it('stay as they are when they lead elsewhere', () => {
    const headers = { location: 'https://store.test/v2/blob?signature=1', link: '<https://docs.test/>; rel="help"', etag: '"x"' }
    assert.deepEqual(through('/v2/registry.test/app/blobs/uploads/', headers), headers)
  })
})
