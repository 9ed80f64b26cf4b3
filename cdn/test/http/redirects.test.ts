import assert from 'node:assert/strict'
import { collect } from '@damselfly/shared'
import { createHttpSource, type SourceClient } from '../../src/index.ts'
import { createFaultOrigin, type FaultOrigin } from '../../src/testing/index.ts'

const CREDENTIALS = new Map([
  ['authorization', 'Bearer me'],
  ['cookie', 'a=b'],
  ['x-api-key', 'k'],
  ['x-variant', 'v'],
])

describe('the HTTP source client, redirected', () => {
  let first: FaultOrigin
  let second: FaultOrigin
  let secure: FaultOrigin
  let client: SourceClient
  beforeEach(async () => {
    first = await createFaultOrigin()
    second = await createFaultOrigin()
    secure = await createFaultOrigin({ tls: true })
    client = createHttpSource({ policy: { allow: ['127.0.0.1'] }, ca: secure.ca })
  })
  afterEach(async () => {
    await client.close()
    await Promise.all([first, second, secure].map((origin) => origin.close()))
  })

  async function read(url: string, headers: ReadonlyMap<string, string> = new Map()): Promise<string> {
    const { body } = await client.read({ url, headers, signal: new AbortController().signal })
    return (await collect(body)).toString()
  }

  const sent = (origin: FaultOrigin, path: string): Record<string, unknown> => {
    const { authorization, cookie, 'x-api-key': key, 'x-variant': variant } = origin.stats(path).headers.at(-1) ?? {}
    return { authorization, cookie, key, variant }
  }
  const ALL = { authorization: 'Bearer me', cookie: 'a=b', key: 'k', variant: 'v' }
  const NONE = { authorization: undefined, cookie: undefined, key: undefined, variant: 'v' }

  for (const redirectStatus of [301, 302, 303, 307, 308]) {
    it(`follows ${redirectStatus}`, async () => {
      first.add('/a/target', { body: Buffer.from('ok') })
      assert.equal(await read(first.add('/a/f', { redirectTo: 'target', redirectStatus })), 'ok')
    })
  }

  it('probes where it is led to', async () => {
    second.add('/f', { size: 5 })
    const url = first.add('/f', { redirectTo: second.url('/f') })
    const info = await client.probe({ url, headers: new Map(), signal: new AbortController().signal })
    assert.equal(info.contentLength, 5)
    assert.equal(second.stats('/f').heads, 1)
  })

  it('keeps credentials on the same origin', async () => {
    first.add('/g', { body: Buffer.from('ok') })
    await read(first.add('/f', { redirectTo: '/g' }), CREDENTIALS)
    assert.deepEqual(sent(first, '/g'), ALL)
  })

  it('gives credentials to no other port, host or scheme', async () => {
    second.add('/g', { body: Buffer.from('ok') })
    await read(first.add('/f', { redirectTo: second.url('/g') }), CREDENTIALS)
    assert.deepEqual(sent(first, '/f'), ALL)
    assert.deepEqual(sent(second, '/g'), NONE)
    secure.add('/g', { body: Buffer.from('ok') })
    await read(first.add('/f', { redirectTo: secure.url('/g') }), CREDENTIALS)
    assert.deepEqual(sent(secure, '/g'), NONE)
  })

  it('does not give them back to the first host once they were dropped', async () => {
    first.add('/home', { body: Buffer.from('ok') })
    second.add('/g', { redirectTo: first.url('/home') })
    await read(first.add('/f', { redirectTo: second.url('/g') }), CREDENTIALS)
    assert.deepEqual(sent(first, '/home'), NONE)
  })

  it('refuses to go from https: to http: with credentials', async () => {
    first.add('/g', { body: Buffer.from('ok') })
    const url = secure.add('/f', { redirectTo: first.url('/g') })
    await assert.rejects(read(url, CREDENTIALS), { code: 'ORIGIN_REDIRECTS' })
    assert.equal(first.stats('/g').gets, 0)
    assert.equal(await read(url), 'ok')
  })

  it("turns the URL's user info into authorization for that host alone", async () => {
    second.add('/g', { body: Buffer.from('ok') })
    const url = first.add('/f', { redirectTo: second.url('/g') }).replace('//', '//us%20er:pa%3Ass@')
    await read(url)
    assert.equal(sent(first, '/f')['authorization'], `Basic ${Buffer.from('us er:pa:ss').toString('base64')}`)
    assert.deepEqual(sent(second, '/g'), { ...NONE, variant: undefined })
  })

  it('prefers an authorization that is given apart', async () => {
    await read(first.add('/f', { body: Buffer.from('ok') }).replace('//', '//user:pass@'), CREDENTIALS)
    assert.deepEqual(sent(first, '/f'), ALL)
  })

  it('tells a circle, however wide', async () => {
    first.add('/c', { redirectTo: '/a' })
    first.add('/b', { redirectTo: '/c' })
    await assert.rejects(read(first.add('/a', { redirectTo: '/b' })), { code: 'ORIGIN_REDIRECTS' })
    assert.equal(first.stats('/a').gets, 1)
  })

  it('follows ten and no more', async () => {
    first.add('/0', { body: Buffer.from('ok') })
    for (let i = 1; i <= 11; i++) first.add(`/${i}`, { redirectTo: `/${i - 1}` })
    assert.equal(await read(first.url('/10')), 'ok')
    await assert.rejects(read(first.url('/11')), { code: 'ORIGIN_REDIRECTS' })
  })

  for (const redirectTo of ['', 'file:///etc/passwd', 'gopher://127.0.0.1/', 'http://']) {
    it(`refuses to follow '${redirectTo}'`, async () => {
      await assert.rejects(read(first.add('/f', { redirectTo })), { code: 'ORIGIN_REDIRECTS' })
    })
  }

  it('shows no secrets of the URL in its errors', async () => {
    const url = first.url('/missing').replace('//', '//user:secret@')
    await assert.rejects(read(`${url}?token=secret`), (error: Error) => !error.message.includes('secret'))
  })
})
