import assert from 'node:assert/strict'
import {
  canonicalUrl,
  deriveTaskId,
  isDamselflyError,
  isTaskId,
  redactUrl,
  sha256,
  splitHeaders,
  type TaskIdentity,
} from '@damselfly/shared'
import fc from 'fast-check'

const URL_TEXT = 'https://example.org/file?version=1'
const text = fc.string({ maxLength: 6 })
const headerName = fc.stringMatching(/^x-[a-f]{1,4}$/)

const identity = fc.record({
  path: fc.stringMatching(/^[a-z0-9]{0,4}$/),
  tag: text,
  application: text,
  range: fc.option(fc.record({ start: fc.nat(20), end: fc.option(fc.nat(20), { nil: undefined }) }), { nil: undefined }),
  headers: fc.uniqueArray(fc.tuple(headerName, text), { maxLength: 3, selector: ([name]) => name }),
})
type Parts = typeof identity extends fc.Arbitrary<infer Value> ? Value : never

function toIdentity({ path, headers, ...rest }: Parts): TaskIdentity {
  return { url: `https://example.org/${path}`, headers: new Map(headers), ...rest }
}

/** The same parts in a form where only equal ones look equal. */
function fingerprint({ headers, ...rest }: Parts): string {
  return JSON.stringify([rest.path, rest.tag, rest.application, rest.range ?? null, headers.map((header) => header.join('\0')).toSorted(compare)])
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

describe('deriveTaskId', () => {
  it('gives equal ids exactly to equal identities', () => {
    fc.assert(
      fc.property(identity, identity, (a, b) => {
        const sameId = deriveTaskId(toIdentity(a)) === deriveTaskId(toIdentity(b))
        assert.equal(sameId, fingerprint(a) === fingerprint(b))
      }),
      { numRuns: 500 },
    )
  })

  it('keeps apart fields that would read the same when joined', () => {
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        fc.pre(b !== '')
        const left = deriveTaskId({ url: URL_TEXT, tag: a + b, application: c })
        const right = deriveTaskId({ url: URL_TEXT, tag: a, application: b + c })
        assert.notEqual(left, right)
      }),
    )
  })

  it('keeps apart header lists that would read the same when joined', () => {
    const of = (...headers: [string, string][]): string => deriveTaskId({ url: URL_TEXT, headers: new Map(headers) })
    const ids = [of(['a', 'bc']), of(['ab', 'c']), of(['a', 'b'], ['c', '']), of(['a', ''], ['b', 'c']), of()]
    assert.equal(new Set(ids).size, ids.length)
  })

  it('does not take a range from the start for no range', () => {
    const whole = deriveTaskId({ url: URL_TEXT })
    assert.notEqual(deriveTaskId({ url: URL_TEXT, range: { start: 0 } }), whole)
    assert.notEqual(deriveTaskId({ url: URL_TEXT, range: { start: 0, end: 0 } }), whole)
  })

  it('does not depend on the order of headers', () => {
    const forward = new Map([['accept', 'a'], ['x-variant', 'b']])
    const backward = new Map([...forward].toReversed())
    assert.equal(deriveTaskId({ url: URL_TEXT, headers: forward }), deriveTaskId({ url: URL_TEXT, headers: backward }))
  })

  it('is the text form of 32 bytes', () => {
    assert.ok(isTaskId(deriveTaskId({ url: URL_TEXT })))
  })

  it('depends on the digest and the range alone when there is a digest', () => {
    const digest = sha256(Buffer.from('content'))
    const id = deriveTaskId({ url: URL_TEXT, digest })
    fc.assert(
      fc.property(identity, (parts) => {
        const { range, ...rest } = toIdentity(parts)
        assert.equal(deriveTaskId({ ...rest, digest }), id)
        assert.equal(deriveTaskId({ ...rest, digest, range }) === id, range === undefined)
      }),
    )
    assert.notEqual(deriveTaskId({ url: URL_TEXT, digest: sha256(Buffer.from('other')) }), id)
    assert.notEqual(deriveTaskId({ url: URL_TEXT }), id)
  })

  it('takes nothing from credentials, be they in headers or in the URL', () => {
    const id = deriveTaskId({ url: URL_TEXT })
    for (const name of ['authorization', 'cookie', 'x-api-key', 'private-token']) {
      const headers = new Map([[name, 'secret']])
      assert.equal(deriveTaskId({ url: URL_TEXT, headers }), id)
      assert.equal(deriveTaskId({ url: URL_TEXT, headers: splitHeaders(headers).variant }), id)
    }
    assert.equal(deriveTaskId({ url: URL_TEXT.replace('//', '//user:secret@') }), id)
  })

  it('gives the same id whatever a filtered parameter says, and whether it is there at all', () => {
    const of = (url: string): string => deriveTaskId({ url, filteredQueryParams: ['Signature', 'Expires'] })
    const id = of('https://example.org/f?a=%20b&c=d+e')
    assert.equal(of('https://example.org/f?a=%20b&Signature=1&c=d+e&Expires=2'), id)
    assert.equal(of('https://example.org/f?Expires=&a=%20b&c=d+e&Signature'), id)
    assert.notEqual(of('https://example.org/f?a=%20b&c=d+e&signature=1'), id)
  })

  it('refuses what is not a URL without showing its secrets', () => {
    assert.throws(
      () => deriveTaskId({ url: '//user:secret@host/f?token=secret' }),
      (error) => isDamselflyError(error, 'URL_REFUSED') && !error.message.includes('secret'),
    )
  })
})

describe('canonicalUrl', () => {
  it('leaves out user info, fragment and default port, and folds the host name', () => {
    assert.equal(canonicalUrl('HTTPS://u:p@Example.ORG:443/A?b=1#c', []), 'https://example.org/A?b=1')
  })

  it('keeps order and spelling of the parameters that stay', () => {
    const url = 'https://example.org/f?b=%7e+1&a=%20&b=2'
    assert.equal(canonicalUrl(url, []), url)
    assert.equal(canonicalUrl(`${url}&x=1`, ['x']), url)
  })

  it('keeps a question mark that the query begins with', () => {
    assert.equal(canonicalUrl('https://example.org/f??a=1&x=2', ['x']), 'https://example.org/f??a=1')
    assert.equal(canonicalUrl('https://example.org/f??', [' ']), 'https://example.org/f??')
  })

  it('is the same when applied twice', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.array(text), (url, names) => {
        const once = canonicalUrl(url, names)
        assert.equal(canonicalUrl(once, names), once)
      }),
    )
  })

  it('recognizes a filtered parameter in any encoding of its name', () => {
    assert.equal(canonicalUrl('https://example.org/f?s%69g=1&a=2', ['sig']), 'https://example.org/f?a=2')
  })
})

describe('redactUrl', () => {
  const secret = 'hushhush'
  for (const [url, shown] of [
    [`https://user:${secret}@example.org/f`, 'https://example.org/f'],
    [`https://example.org/f?sig=${secret}&b=${secret}`, 'https://example.org/f?sig=…&b=…'],
    [`https://example.org/f?${secret}`, 'https://example.org/f?…'],
    [`https://example.org/f#access_token=${secret}`, 'https://example.org/f'],
    [`https://example.org/f?a=1&a=2`, 'https://example.org/f?a=…'],
    [`//user:${secret}/@${secret}@host/f?x`, '//host/f'],
    [`host/f?sig=${secret}`, 'host/f'],
    [`http://:${secret}@/`, 'http:///'],
    [`user:${secret}@host/f?x`, 'host/f'],
    [`http://user:${secret}?x#y@host/f`, 'http://host/f'],
  ] as const) {
    it(`shows ${shown} of ${url}`, () => assert.equal(redactUrl(url), shown))
  }

  it('never shows user info, values or fragments', () => {
    fc.assert(
      fc.property(fc.webUrl(), fc.constantFrom('q', 'user', 'fragment'), (url, place) => {
        const parsed = new URL(url)
        if (place === 'q') parsed.searchParams.set('k', secret)
        else if (place === 'user') parsed.password = secret
        else parsed.hash = secret
        assert.ok(!redactUrl(parsed.href).includes(secret))
      }),
    )
  })
})
