import assert from 'node:assert/strict'
import { isCredentialHeader, splitHeaders } from '@damselfly/shared'
import fc from 'fast-check'

describe('isCredentialHeader', () => {
  for (const name of [
    'Authorization',
    'cookie',
    'Proxy-Authorization',
    'PRIVATE-TOKEN',
    'x-api-key',
    'X-Auth-Token',
    'x-amz-security-token',
    'x-vault-token',
    'X-Goog-Signature',
    'api_key',
    'X-Client-Secret',
  ]) {
    it(`takes ${name} for one`, () => assert.ok(isCredentialHeader(name)))
  }

  for (const name of ['accept', 'Accept-Language', 'user-agent', 'x-author', 'x-tokenizer', 'range', 'x-variant']) {
    it(`does not take ${name} for one`, () => assert.ok(!isCredentialHeader(name)))
  }
})

describe('splitHeaders', () => {
  it('keeps every value on exactly one side, under a lower-case name', () => {
    const name = fc.constantFrom('Accept', 'AUTHORIZATION', 'Cookie', 'X-Variant', 'x-api-key')
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (headers) => {
        const { credentials, variant } = splitHeaders(headers)
        assert.ok([...credentials.keys()].every((key) => isCredentialHeader(key) && key === key.toLowerCase()))
        assert.ok([...variant.keys()].every((key) => !isCredentialHeader(key) && key === key.toLowerCase()))
        const names = new Set(headers.map(([header]) => header.toLowerCase()))
        assert.equal(credentials.size + variant.size, names.size)
      }),
    )
  })

  it('joins several lines of one name the way HTTP does', () => {
    const { credentials, variant } = splitHeaders([
      ['Accept', 'a/b'],
      ['accept', 'c/d'],
      ['Cookie', 'a=1'],
      ['cookie', 'b=2'],
    ])
    assert.equal(variant.get('accept'), 'a/b, c/d')
    assert.equal(credentials.get('cookie'), 'a=1; b=2')
  })

  it('takes the last of several authorizations', () => {
    const { credentials } = splitHeaders([
      ['authorization', 'Basic a'],
      ['Authorization', 'Bearer b'],
    ])
    assert.deepEqual([...credentials], [['authorization', 'Bearer b']])
  })
})
