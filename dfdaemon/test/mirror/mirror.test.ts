// oxlint-disable max-lines -- all of it shares one registry that is told how to answer
import assert from 'node:assert/strict'
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { createHttpSource, createRegistryAccess, createSources, type RegistryAccess, type RegistryOptions, type SourceClient } from '@damselfly/cdn'
import { DamselflyError, formatDigest, sha256, systemClock, VirtualClock } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import { createRegistry } from '@damselfly/shared/metrics'
import { silentLogger } from '@damselfly/shared/logging'
import { Mirror } from '../../src/mirror/mirror.ts'
import { FakePeer, type FakeContent } from '../../src/testing/index.ts'

const blob = Buffer.alloc(300_000, 7)
const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' }))
const BLOB = `/v2/app/blobs/${formatDigest(sha256(blob))}`
const MANIFEST = `/v2/app/manifests/${formatDigest(sha256(manifest))}`
const MEMORY_MS = 60_000
const STALE_MS = 10 * MEMORY_MS
const STALL_MS = 5_000
const PIECE = 64 * 1024

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly bytes: Buffer
}

describe('the mirror of registries', () => {
  let directory: string
  let upstream: Server
  let mirror: Mirror
  let peer: FakePeer
  let clock: VirtualClock
  let source: SourceClient
  let registries: RegistryAccess
  let url: string
  let asked: string[]

  /** @param answer how the registry answers; its questions are kept */
  async function start(
    answer: RequestListener,
    contents: Readonly<Record<string, FakeContent>>,
    beforePiece?: (index: number) => Promise<void>,
    login: Omit<RegistryOptions, 'host'> = {},
  ): Promise<void> {
    asked = []
    upstream = createServer((question, reply) => {
      asked.push(`${question.method} ${question.url}`)
      answer(question, reply)
    })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const registry = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
    const byUrl = Object.fromEntries(Object.entries(contents).map(([path, content]) => [path.replace(/^\/v2\/(.*)\/(?:blobs|manifests)\//, `oci://${registry}/$1@`), content]))
    peer = new FakePeer({ dataDir: directory, contents: byUrl, beforePiece })
    clock = new VirtualClock()
    const http = { policy: { trustRequestedHost: true } }
    const init = { http, s3: [], registries: [{ host: registry, ...login }], files: [], othersMayLogIn: false, clock: systemClock }
    const web = createHttpSource(http)
    source = createSources(init, web)
    registries = createRegistryAccess(init, web)
    mirror = new Mirror({
      peer,
      source,
      registries,
      registry: createRegistry(),
      settings: {
        host: '127.0.0.1',
        port: 0,
        usual: registry,
        tagMemoryMs: MEMORY_MS,
        staleIfErrorMs: STALE_MS,
        accessMemoryMs: MEMORY_MS,
        readAhead: 1,
        stallMs: STALL_MS,
      },
      clock,
      logger: silentLogger(),
    })
    url = await mirror.start()
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-mirror-'))
  })
  afterEach(async () => {
    await mirror.stop(0)
    upstream.closeAllConnections()
    upstream.close()
    await peer.stop()
    await registries.close()
    await source.close()
    await rm(directory, { recursive: true })
  })

  async function ask(path: string, headers: Record<string, string> = {}, method = 'GET', body?: string): Promise<Answer> {
    const asking = request(url + path, { agent: false, method, headers }).end(body)
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return { status: answer.statusCode ?? 0, headers: answer.headers, bytes: await buffer(answer) }
  }
  const serves =
    (bytes: Buffer, headers: Record<string, string> = {}): RequestListener =>
    (_question, reply) =>
      reply.writeHead(200, { 'content-length': bytes.length, ...headers }).end(bytes)
  const servesRanges =
    (bytes: Buffer): RequestListener =>
    (question, reply) => {
      const [, first = '0', last = String(bytes.length - 1)] = /bytes=(\d+)-(\d+)/.exec(question.headers.range ?? '') ?? []
      const part = bytes.subarray(Number(first), Number(last) + 1)
      const headers = { 'content-length': part.length, 'accept-ranges': 'bytes' }
      if (question.headers.range === undefined) reply.writeHead(200, headers).end(part)
      else reply.writeHead(206, { ...headers, 'content-range': `bytes ${first}-${last}/${bytes.length}` }).end(part)
    }

  it('asks the registry once whether a caller may have what is in a repository, and then for a while no more', async () => {
    await start(serves(blob), { [BLOB]: { bytes: blob } })
    for (let time = 0; time < 2; time++) {
      const answer = await ask(BLOB, { authorization: 'Bearer a' })
      assert.deepEqual([answer.status, answer.bytes.equals(blob)], [200, true])
    }
    assert.deepEqual(asked, [`HEAD ${BLOB}`])
    clock.advance(MEMORY_MS + 1)
    await ask(BLOB, { authorization: 'Bearer a' })
    assert.equal(asked.length, 2)
    assert.deepEqual(peer.requests[0]?.headers, [['authorization', 'Bearer a']])
  })

  it('keeps its connection to the registry, after a HEAD too', async () => {
    await start(serves(blob), {})
    let connections = 0
    upstream.on('connection', () => connections++)
    for (let time = 0; time < 3; time++) await ask(BLOB, {}, 'HEAD')
    assert.deepEqual([asked.length, connections], [3, 1])
  })

  it('gives nothing to a caller whom the registry refuses, whatever is here, and shows its challenge', async () => {
    const challenge = 'Bearer realm="https://auth.test/token",service="registry"'
    await start(
      (question, reply) =>
        question.headers.authorization === 'Bearer good'
          ? reply.end(blob)
          : reply.writeHead(401, { 'www-authenticate': challenge }).end('{"errors":[]}'),
      { [BLOB]: { bytes: blob } },
    )
    assert.equal((await ask(BLOB, { authorization: 'Bearer good' })).status, 200)
    for (const headers of [{}, { authorization: 'Bearer bad' }] as Record<string, string>[]) {
      const { status, headers: shown, bytes } = await ask(BLOB, headers)
      assert.deepEqual([status, shown['www-authenticate'], bytes.toString()], [401, challenge, '{"errors":[]}'])
    }
    assert.equal(peer.requests.length, 1)
  })

  describe('for podman and its kin, which ask once how to log in', () => {
    const login = `Basic ${Buffer.from('me:secret').toString('base64')}`
    const wants: RequestListener = (question, reply) =>
      question.headers.authorization === login ? reply.end(blob) : reply.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('{"errors":[]}')

    it('takes names and passwords, while docker hears of its registry', async () => {
      await start((_question, reply) => reply.writeHead(401, { 'www-authenticate': 'Bearer realm="https://auth.test/"' }).end(), {})
      const answers = [await ask('/v2/', { 'user-agent': 'containers/5.23' }), await ask('/v2/', { 'user-agent': 'docker/20.10' })]
      assert.deepEqual(answers.map(({ status, headers }) => [status, headers['www-authenticate']]), [
        [401, 'Basic realm="damselfly"'],
        [401, 'Bearer realm="https://auth.test/"'],
      ])
      assert.equal((await ask('/v2/', { authorization: login })).status, 200)
    })

    it('logs in with them as the registry wants, and takes no name for nobody', async () => {
      await start(wants, { [BLOB]: { bytes: blob } })
      assert.ok((await ask(BLOB, { authorization: login })).bytes.equals(blob))
      assert.equal((await ask(BLOB, { authorization: 'Basic Og==' })).status, 401)
      assert.deepEqual(peer.requests.map(({ headers }) => headers), [[['authorization', login]]])
    })

    it('fetches a token for who needs no login, and shows the challenge to who does', async () => {
      let isPublic = true
      await start((question, reply) => {
        const { host = '', authorization } = question.headers
        if (question.url?.startsWith('/token') === true) reply.end('{"token":"anyone"}')
        else if (isPublic && authorization === 'Bearer anyone') reply.end(blob)
        else reply.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token",service="s"` }).end()
      }, { [BLOB]: { bytes: blob } })
      assert.ok((await ask(BLOB, { authorization: 'Basic Og==' })).bytes.equals(blob))
      assert.equal((await ask('/v2/app/tags/list')).status, 200)
      assert.deepEqual(asked.map((line) => line.slice(0, 11)), [`HEAD ${BLOB}`, 'GET /token?', `HEAD ${BLOB}`, 'GET /v2/app'].map((line) => line.slice(0, 11)))
      isPublic = false
      const { status, headers } = await ask('/v2/app/tags/list')
      assert.deepEqual([status, headers['www-authenticate']?.startsWith('Bearer realm=')], [401, true])
    })
  })

  describe('with a login of its own', () => {
    const own = { username: 'daemon', password: new Secret('secret') }
    const basic = `Basic ${Buffer.from('daemon:secret').toString('base64')}`
    const asksForPassword: RequestListener = (question, reply) =>
      question.headers.authorization === basic
        ? reply.end(blob)
        : reply.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('{"errors":[]}')

    it('uses it for callers that bring none, and tells the peer', async () => {
      await start(asksForPassword, { [BLOB]: { bytes: blob } }, undefined, own)
      for (let time = 0; time < 2; time++) assert.ok((await ask(BLOB)).bytes.equals(blob))
      assert.equal(asked.length, 2)
      assert.deepEqual(peer.requests[0]?.headers, [['authorization', basic]])
      assert.equal((await ask('/v2/', { 'user-agent': 'docker/20.10' })).status, 200)
    })

    it('does not use it for callers that bring another, nor to change anything', async () => {
      await start(asksForPassword, { [BLOB]: { bytes: blob } }, undefined, own)
      assert.equal((await ask(BLOB)).status, 200)
      assert.equal((await ask(BLOB, { authorization: 'Basic eDp5' })).status, 401)
      assert.equal((await ask('/v2/app/blobs/uploads/', { 'content-length': '0' }, 'POST')).status, 401)
    })
  })

  it('lets the registry itself give what cannot be had through the swarm', async () => {
    await start(serves(blob), {})
    const answer = await ask(BLOB)
    assert.deepEqual([answer.status, answer.bytes.equals(blob)], [200, true])
    assert.equal(answer.headers['x-damselfly-back-to-source'], 'swarm-failed')
    assert.equal(asked.at(-1), `GET ${BLOB}`)
  })

  it('goes on from the registry at the very byte where the swarm fails', async () => {
    const seen: (string | undefined)[] = []
    await start(
      (question, reply) => {
        if (question.method === 'GET') seen.push(question.headers.range)
        servesRanges(blob)(question, reply)
      },
      { [BLOB]: { bytes: blob, error: new DamselflyError('DISK_FULL', 'no room') } },
    )
    const answer = await ask(BLOB)
    assert.deepEqual([answer.status, answer.bytes.equals(blob)], [200, true])
    assert.deepEqual(seen, [`bytes=${4 * PIECE}-${blob.length - 1}`])
  })

  it('gives a source up that stalls, and goes on from another', async () => {
    const reached = Promise.withResolvers<void>()
    await start(servesRanges(blob), { [BLOB]: { bytes: blob } }, (index) => {
      if (index < 2) return Promise.resolve()
      reached.resolve()
      return new Promise(() => undefined)
    })
    const answering = ask(BLOB)
    await reached.promise
    const timer = setInterval(() => clock.advance(STALL_MS), 5)
    // From then on time stands still: the registry, which is real, must not seem to stall too.
    await peer.downloads[0]?.whenReleased().finally(() => clearInterval(timer))
    const { status, bytes } = await answering
    assert.deepEqual([status, bytes.equals(blob)], [200, true])
    assert.ok(peer.downloads.every((download) => download.released))
  })

  for (const [whose, contents] of [
    ['the swarm', { [BLOB]: { bytes: blob, error: new DamselflyError('DIGEST_MISMATCH', 'another content') } }],
    ['the registry', {}],
  ] as const) {
    it(`breaks the connection where a blob of ${whose} turns out wrong on its way`, async () => {
      await start(servesRanges(Buffer.alloc(blob.length, 8)), contents)
      await assert.rejects(ask(BLOB), { code: 'ECONNRESET' })
    })
  }

  it('tells of what nobody has in the words of the registry', async () => {
    await start((question, reply) => reply.writeHead(question.method === 'HEAD' ? 200 : 404).end('{"errors":[{"code":"BLOB_UNKNOWN"}]}'), {})
    const { status, bytes } = await ask(BLOB)
    assert.deepEqual([status, bytes.toString()], [404, '{"errors":[{"code":"BLOB_UNKNOWN"}]}'])
  })

  it('gives a blob that the registry cannot give, to whom it lets into the repository', async () => {
    await start((question, reply) => reply.writeHead(question.url?.includes('/tags/list') === true ? 200 : 500).end('{}'), { [BLOB]: { bytes: blob } })
    assert.ok((await ask(BLOB)).bytes.equals(blob))
    assert.deepEqual(asked, [`HEAD ${BLOB}`, 'GET /v2/app/tags/list?n=1'])
  })

  describe('asked for parts', () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
    const PATH = `/v2/app/blobs/${formatDigest(sha256(content))}`
    const never = new Promise<void>(() => undefined)

    it('gives them before the rest is here', async () => {
      await start(serves(content), { [PATH]: { bytes: content } }, (index) => (index < 3 ? Promise.resolve() : never))
      const { status, headers, bytes } = await ask(PATH, { range: 'bytes=70000-79999' })
      assert.deepEqual([status, headers['content-range'], headers['content-length']], [206, 'bytes 70000-79999/300000', '10000'])
      assert.ok(bytes.equals(content.subarray(70_000, 80_000)))
      assert.ok(peer.downloads.every((download) => download.released))
    })

    for (const [range, start_, end] of [['bytes=299990-', 299_990, 299_999], ['bytes=-5', 299_995, 299_999], ['bytes=100-999999', 100, 299_999]] as const) {
      it(`understands ${range}`, async () => {
        await start(serves(content), { [PATH]: { bytes: content } })
        const { status, headers, bytes } = await ask(PATH, { range })
        assert.deepEqual([status, headers['content-range']], [206, `bytes ${start_}-${end}/300000`])
        assert.ok(bytes.equals(content.subarray(start_, end + 1)))
      })
    }

    it('gives several as one body', async () => {
      await start(serves(content), { [PATH]: { bytes: content } })
      const { status, headers, bytes } = await ask(PATH, { range: 'bytes=0-9, 1000-1009,-10' })
      assert.equal(status, 206)
      const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(headers['content-type'] ?? '')?.[1]
      const parts = bytes.toString('latin1').split(`--${boundary}`)
      assert.deepEqual(
        parts.slice(1, -1).map((part) => /content-range: (.*)\r\n/.exec(part)?.[1]),
        ['bytes 0-9/300000', 'bytes 1000-1009/300000', 'bytes 299990-299999/300000'],
      )
      assert.ok(parts[2]?.endsWith(`\r\n\r\n${content.subarray(1000, 1010).toString('latin1')}\r\n`))
      assert.equal(headers['content-length'], String(bytes.length))
    })

    it('says how long the content is when there is no such part', async () => {
      await start(serves(content), { [PATH]: { bytes: content } })
      const { status, headers } = await ask(PATH, { range: 'bytes=300000-' })
      assert.deepEqual([status, headers['content-range']], [416, 'bytes */300000'])
    })

    it('gives all of it to one who means another content', async () => {
      await start(serves(content), { [PATH]: { bytes: content } })
      assert.equal((await ask(PATH, { range: 'bytes=0-9', 'if-range': '"other"' })).status, 200)
      assert.equal((await ask(PATH, { range: 'bytes=0-9', 'if-range': `"${formatDigest(sha256(content))}"` })).status, 206)
    })

    it('says in answer to HEAD that it has parts', async () => {
      await start(serves(content), {})
      assert.equal((await ask(PATH, {}, 'HEAD')).headers['accept-ranges'], 'bytes')
    })
  })

  it('ends the download when the client goes away', async () => {
    const begun = Promise.withResolvers<void>()
    await start(serves(blob), { [BLOB]: { bytes: blob } }, (index) => {
      if (index === 1) begun.resolve()
      return index === 0 ? Promise.resolve() : new Promise(() => undefined)
    })
    const asking = request(url + BLOB, { agent: false }).end()
    asking.on('error', () => undefined)
    await begun.promise
    asking.destroy()
    await peer.downloads[0]?.whenReleased()
  })

  it('remembers for a moment what a tag means, for each caller apart', async () => {
    const headers = { 'content-type': 'application/x', 'docker-content-digest': formatDigest(sha256(manifest)) }
    await start(serves(manifest, headers), { [MANIFEST]: { bytes: manifest } })
    for (const method of ['HEAD', 'GET', 'GET']) {
      const answer = await ask('/v2/app/manifests/1', {}, method)
      assert.deepEqual([answer.status, answer.headers['content-type'], answer.headers['content-length']], [200, 'application/x', `${manifest.length}`])
      assert.ok(answer.bytes.equals(method === 'GET' ? manifest : Buffer.alloc(0)))
    }
    assert.deepEqual(asked, ['HEAD /v2/app/manifests/1'])
    await ask('/v2/app/manifests/1', { authorization: 'Bearer other' }, 'HEAD')
    clock.advance(MEMORY_MS + 1)
    await ask('/v2/app/manifests/1', {}, 'HEAD')
    assert.equal(asked.length, 3)
  })

  describe('while the registry fails', () => {
    const headers = { 'content-type': 'application/x', 'docker-content-digest': formatDigest(sha256(manifest)) }
    const TAG = '/v2/app/manifests/1'

    for (const [how, fail] of [
      ['does not answer', (_question, reply) => void reply.socket?.destroy()],
      ['answers 503', (_question, reply) => void reply.writeHead(503).end()],
    ] satisfies [string, RequestListener][]) {
      it(`gives what a tag meant, with its age, and blobs to whom it let in, where it ${how}`, async () => {
        let isWell = true
        await start(
          (question, reply) => (isWell ? serves(manifest, headers)(question, reply) : fail(question, reply)),
          { [MANIFEST]: { bytes: manifest }, [BLOB]: { bytes: blob } },
        )
        for (const path of [TAG, BLOB]) assert.equal((await ask(path)).status, 200)
        isWell = false
        clock.advance(2 * MEMORY_MS)
        const answer = await ask(TAG)
        assert.deepEqual([answer.status, answer.headers['x-damselfly-stale'], answer.headers.age], [200, 'registry-failed', '120'])
        assert.ok(answer.bytes.equals(manifest))
        assert.ok((await ask(BLOB)).bytes.equals(blob))
        // Somebody else was never let in.
        for (const path of [TAG, BLOB]) assert.ok((await ask(path, { authorization: 'Bearer other' })).status >= 500)
        clock.advance(STALE_MS)
        for (const path of [TAG, BLOB]) assert.ok((await ask(path)).status >= 500)
      })
    }

    it('gives no tag that the registry has said to be gone', async () => {
      let status = 200
      await start((question, reply) => (status === 200 ? serves(manifest, headers)(question, reply) : void reply.writeHead(status).end()), { [MANIFEST]: { bytes: manifest } })
      assert.equal((await ask(TAG)).status, 200)
      clock.advance(2 * MEMORY_MS)
      for (status of [404, 503]) assert.equal((await ask(TAG)).status, status)
    })
  })

  it('asks again what a tag means that was pushed through it', async () => {
    await start(serves(manifest, { 'content-type': 'application/x', 'docker-content-digest': formatDigest(sha256(manifest)) }), { [MANIFEST]: { bytes: manifest } })
    for (const method of ['HEAD', 'HEAD', 'PUT', 'HEAD']) await ask('/v2/app/manifests/1', {}, method)
    assert.deepEqual(asked, ['HEAD', 'PUT', 'HEAD'].map((method) => `${method} /v2/app/manifests/1`))
  })

  it('refuses digests that are none in the words of the specification', async () => {
    await start(serves(blob), {})
    const { status, bytes } = await ask('/v2/app/manifests/sha256:totallywrong')
    assert.deepEqual([status, JSON.parse(bytes.toString()).errors[0].code, asked], [400, 'DIGEST_INVALID', []])
  })

  it('passes lists of what refers to a content on as they are', async () => {
    const index = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    const type = 'application/vnd.oci.image.index.v1+json'
    await start((_question, reply) => reply.writeHead(200, { 'content-type': type, 'oci-filters-applied': 'artifactType' }).end(index), {})
    const path = `/v2/app/referrers/${formatDigest(sha256(manifest))}?artifactType=application/x`
    const { status, headers, bytes } = await ask(path)
    assert.deepEqual([status, headers['content-type'], headers['oci-filters-applied'], bytes.toString()], [200, type, 'artifactType', index])
    assert.deepEqual(asked, [`GET ${path}`])
  })

  it('passes pushes and their bodies on', async () => {
    const bodies: string[] = []
    await start((question, reply) => {
      void buffer(question).then((body) => {
        bodies.push(body.toString())
        reply.writeHead(202, { location: '/v2/app/blobs/uploads/1' }).end()
      })
    }, {})
    const answer = await ask('/v2/app/blobs/uploads/', { 'content-type': 'application/json', 'content-length': '5' }, 'POST', 'bytes')
    assert.deepEqual([answer.status, answer.headers.location, bodies], [202, '/v2/app/blobs/uploads/1', ['bytes']])
  })

  it('says in the words of registries that one does not answer', async () => {
    await start((question) => question.socket.destroy(), {})
    const { status, bytes } = await ask('/v2/app/tags/list')
    assert.equal(status, 502)
    assert.equal(JSON.parse(bytes.toString()).errors[0].detail, 'ORIGIN_UNREACHABLE')
  })

  it('stops without leaving anything', async () => {
    await start(serves(blob), { [BLOB]: { bytes: blob } })
    await ask(BLOB)
    await mirror.stop(0)
    await assert.rejects(ask(BLOB), { code: 'ECONNREFUSED' })
    assert.ok(peer.downloads.every((download) => download.released))
  })
})
