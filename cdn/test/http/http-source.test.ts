import assert from 'node:assert/strict'
import { collect } from '@damselfly/shared'
import { describeSourceClient } from '@damselfly/cdn/testing/source-client'
import { createHttpSource, type HttpSourceInit, type OriginRequest, type SourceClient } from '../../src/index.ts'
import { createFaultOrigin, generatedContent, type FaultOrigin, type OriginContent } from '../../src/testing/index.ts'
import { rawOrigin } from './raw-origin.ts'

describeSourceClient('the HTTP source client', async () => {
  const origin = await createFaultOrigin()
  const client = createHttpSource({ policy: { allow: [origin.authority] } })
  const dispose = async (): Promise<void> => {
    await client.close()
    await origin.close()
  }
  return { client, origin, dispose }
})

describeSourceClient('the HTTP source client over TLS and IPv6', async () => {
  const origin = await createFaultOrigin({ tls: true, host: '::1' })
  const client = createHttpSource({ policy: { allow: [origin.authority] }, ca: origin.ca })
  const dispose = async (): Promise<void> => {
    await client.close()
    await origin.close()
  }
  return { client, origin, dispose }
})

const SIZE = 300_000

describe('the HTTP source client', () => {
  let origin: FaultOrigin
  let client: SourceClient
  const extra: SourceClient[] = []
  beforeEach(async () => {
    origin = await createFaultOrigin()
    client = createHttpSource({ policy: { allow: ['127.0.0.1'] } })
  })
  afterEach(async () => {
    await Promise.all([client, ...extra.splice(0)].map((each) => each.close()))
    await origin.close()
  })

  const source = (init: HttpSourceInit): SourceClient => {
    const created = createHttpSource(init)
    extra.push(created)
    return created
  }

  it('asks for no encoding, and never undoes one that comes anyway', async () => {
    const body = generatedContent(1000)
    const url = origin.add('/f', { body, headers: { 'content-encoding': 'gzip', 'content-type': 'application/gzip' } })
    assert.deepEqual(await readAll(client, url), body)
    assert.equal(origin.stats('/f').headers[0]?.['accept-encoding'], 'identity')
  })

  it('asks for the encoding that the caller names', async () => {
    await readAll(client, origin.add('/f', { size: 1 }), { headers: new Map([['accept-encoding', 'zstd,gzip']]) })
    assert.equal(origin.stats('/f').headers[0]?.['accept-encoding'], 'zstd,gzip')
  })

  it('keeps to itself the headers that belong to the connection or to the range', async () => {
    const headers = new Map([
      ['host', 'other.example'],
      ['Range', 'bytes=0-0'],
      ['if-none-match', '*'],
      ['content-length', '5'],
      ['transfer-encoding', 'chunked'],
      ['x-variant', 'a'],
    ])
    assert.equal((await readAll(client, origin.add('/f', { size: SIZE }), { headers })).length, SIZE)
    const sent = origin.stats('/f').headers[0]
    assert.equal(sent?.host, origin.authority)
    assert.equal(sent?.['x-variant'], 'a')
    assert.equal(sent?.['if-none-match'], undefined)
  })

  it('takes a header that would split the request for misuse', async () => {
    const headers = new Map([['x-variant', 'a\r\nx-more: b']])
    await assert.rejects(readAll(client, origin.add('/f', { size: 1 }), { headers }), { code: 'USAGE' })
  })

  it('reads a content of unknown length to its end', async () => {
    const response = await client.read(request(origin.add('/f', { size: SIZE, chunked: true })))
    assert.equal(response.contentLength, undefined)
    assert.equal(response.bodyLength, undefined)
  })

  it('says so when the origin ignores the range', async () => {
    const url = origin.add('/f', { size: SIZE, ranges: false })
    const response = await client.read(request(url, { range: { start: 5 } }))
    assert.deepEqual([response.start, response.bodyLength, response.acceptsRanges], [0, SIZE, false])
    response.body.cancel()
  })

  it('asks by If-Range where the tag is strong', async () => {
    const url = origin.add('/f', { size: SIZE, etag: '"a"' })
    await readAll(client, url, { range: { start: 5 }, ifMatch: { etag: '"a"', lastModified: '' } })
    assert.equal(origin.stats('/f').headers[0]?.['if-range'], '"a"')
  })

  const DATE = 'Wed, 21 Oct 2026 07:28:00 GMT'
  const OTHER_DATE = 'Wed, 21 Oct 2026 07:28:09 GMT'
  const changes: Record<string, readonly [Partial<OriginContent>, { etag: string; lastModified: string }]> = {
    'by its date, which the origin compares': [{ etag: '', lastModified: OTHER_DATE }, { etag: '', lastModified: DATE }],
    'by its weak tag': [{ etag: 'W/"2"' }, { etag: 'W/"1"', lastModified: '' }],
    'by its tag where ranges are not served': [{ etag: '"2"', ranges: false }, { etag: '"1"', lastModified: '' }],
    'by a tag that is gone': [{ etag: '', ranges: false }, { etag: '"1"', lastModified: '' }],
  }
  for (const [how, [content, ifMatch]] of Object.entries(changes)) {
    it(`notices a changed content ${how}`, async () => {
      const url = origin.add('/f', { size: SIZE, ...content })
      await assert.rejects(client.read(request(url, { range: { start: 5 }, ifMatch })), { code: 'ORIGIN_CHANGED' })
    })
  }

  for (const excess of [1, 5000, 250_000]) {
    it(`tells a body that goes ${excess} bytes past its announced length`, async () => {
      const url = origin.add('/f', { size: SIZE, announced: SIZE - excess })
      await assert.rejects(readAll(client, url), { code: 'ORIGIN_LONG' })
    })
  }

  it('tells a body that is shorter than its announced length', async () => {
    await assert.rejects(readAll(client, origin.add('/f', { size: 10, announced: 11 })), { code: 'ORIGIN_SHORT' })
  })

  it('tells a body of unknown length that breaks off', async () => {
    const url = origin.add('/f', { size: SIZE, chunked: true, cut: { after: 1000 } })
    await assert.rejects(readAll(client, url), { code: 'ORIGIN_UNREACHABLE' })
  })

  it('probes by the first byte where HEAD is refused', async () => {
    for (const headStatus of [400, 403, 405, 501]) {
      const info = await client.probe(request(origin.add(`/${headStatus}`, { size: SIZE, headStatus })))
      assert.equal(info.contentLength, SIZE)
      const { gets, bodyBytes, probeBytes } = origin.stats(`/${headStatus}`)
      assert.deepEqual({ gets, bodyBytes, probeBytes }, { gets: 1, bodyBytes: 1, probeBytes: 1 })
    }
    assert.equal((await client.probe(request(origin.add('/empty', { size: 0, headStatus: 405 })))).contentLength, 0)
  })

  it('does not read the whole content that comes in place of its first byte', async () => {
    const url = origin.add('/f', { size: 50_000_000, ranges: false, headStatus: 405 })
    const info = await client.probe(request(url))
    assert.deepEqual([info.contentLength, info.acceptsRanges], [50_000_000, false])
    const { bodyBytes } = await origin.when('/f', ({ open }) => open === 0)
    assert.ok(bodyBytes < 10_000_000, `${bodyBytes} bytes left the origin`)
  })

  it('tells how a status can be answered', async () => {
    const url = origin.add('/f', { failFirst: { times: 9, status: 503, retryAfter: '7' } })
    await assert.rejects(readAll(client, url), (error: { code: string; cause: object }) => {
      assert.equal(error.code, 'ORIGIN_STATUS')
      assert.deepEqual({ ...error.cause }, { name: 'OriginStatus', status: 503, retryAfterMs: 7000, challenge: '' })
      return true
    })
  })

  it('tells that nobody listens, and that a name does not exist', async () => {
    const free = await createFaultOrigin()
    const url = free.url('/f')
    await free.close()
    await assert.rejects(readAll(client, url), { code: 'ORIGIN_UNREACHABLE' })
    await assert.rejects(readAll(client, 'http://nosuch.invalid/'), { code: 'ORIGIN_UNREACHABLE' })
  })

  it('waits for headers and for bytes only as long as allowed', async () => {
    const hasty = source({ policy: { allow: ['127.0.0.1'] }, limits: { headersTimeoutMs: 50, bodyIdleTimeoutMs: 50 } })
    const url = origin.add('/f', { size: SIZE, pauseAfter: 1000 })
    await assert.rejects(readAll(hasty, url), { code: 'ORIGIN_UNREACHABLE' })
    const mute = await rawOrigin(() => undefined)
    try {
      await assert.rejects(readAll(hasty, mute.url), { code: 'ORIGIN_UNREACHABLE' })
    } finally {
      await mute.close()
    }
  })

  const oddities: Record<string, string> = {
    'what is not HTTP': 'SSH-2.0-OpenSSH_9.2\r\n',
    'headers that are too long': `HTTP/1.1 200 OK\r\nx-long: ${'a'.repeat(40_000)}\r\n\r\n`,
    'a range that was not asked for': 'HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 7-8/9\r\ncontent-length: 2\r\n\r\nab',
    'a part without its place': 'HTTP/1.1 206 Partial Content\r\ncontent-length: 2\r\n\r\nab',
    'an answer without content': 'HTTP/1.1 304 Not Modified\r\n\r\n',
  }
  for (const [what, answer] of Object.entries(oddities)) {
    it(`takes ${what} for a failure of the origin`, async () => {
      const odd = await rawOrigin((socket) => socket.end(answer))
      try {
        const reading = readAll(client, odd.url, { range: { start: 5, end: 6 } })
        await assert.rejects(reading, { code: 'ORIGIN_STATUS' })
      } finally {
        await odd.close()
      }
    })
  }
})

describe('the HTTP source client, over TLS', () => {
  let origin: FaultOrigin
  before(async () => void (origin = await createFaultOrigin({ tls: true })))
  after(() => origin.close())

  async function outcome(init: Omit<HttpSourceInit, 'policy'>, url: string): Promise<string> {
    const client = createHttpSource({ policy: { allow: ['127.0.0.1'] }, ...init })
    try {
      return (await readAll(client, url)).toString()
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      await client.close()
    }
  }

  it('trusts nobody who is not vouched for', async () => {
    const url = origin.add('/f', { body: Buffer.from('ok') })
    assert.equal(await outcome({}, url), 'ORIGIN_TLS')
    assert.equal(await outcome({ ca: origin.ca }, url), 'ok')
  })

  it('does not take a certificate for another name', async () => {
    const lookup: HttpSourceInit['lookup'] = (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
    const url = origin.add('/f', { body: Buffer.from('ok') }).replace('127.0.0.1', 'other.example')
    assert.equal(await outcome({ ca: origin.ca, lookup }, url), 'ORIGIN_TLS')
  })

  it('verifies nothing at origins that are configured insecure, and only there', async () => {
    const url = origin.add('/f', { body: Buffer.from('ok') })
    const lookup: HttpSourceInit['lookup'] = (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
    const named = url.replace('127.0.0.1', 'lab.example')
    assert.equal(await outcome({ insecure: ['lab.example'], lookup }, named), 'ok')
    assert.equal(await outcome({ insecure: ['127.0.0.1'] }, url), 'ok')
    assert.equal(await outcome({ insecure: ['other.example'], lookup }, named), 'ORIGIN_TLS')
  })

  it('says so when the origin does not speak TLS', async () => {
    const plain = await createFaultOrigin()
    assert.equal(await outcome({}, plain.url('/f').replace('http:', 'https:')), 'ORIGIN_TLS')
    await plain.close()
  })
})

function request(url: string, more: Partial<OriginRequest> = {}): OriginRequest {
  return { url, headers: new Map(), signal: new AbortController().signal, ...more }
}

async function readAll(client: SourceClient, url: string, more: Partial<OriginRequest> = {}): Promise<Buffer> {
  return await collect((await client.read(request(url, more))).body)
}
