import assert from 'node:assert/strict'
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { DamselflyError, formatDigest, sha256, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { Mirror } from '../../src/mirror/mirror.ts'
import { FakePeer, type FakeContent } from '../../src/testing/index.ts'

const blob = Buffer.alloc(300_000, 7)
const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' }))
const BLOB = `/v2/app/blobs/${formatDigest(sha256(blob))}`
const MANIFEST = `/v2/app/manifests/${formatDigest(sha256(manifest))}`
const MEMORY_MS = 60_000

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
  let url: string
  let asked: string[]

  /** @param answer how the registry answers; its questions are kept */
  async function start(answer: RequestListener, contents: Readonly<Record<string, FakeContent>>): Promise<void> {
    asked = []
    upstream = createServer((question, reply) => {
      asked.push(`${question.method} ${question.url}`)
      answer(question, reply)
    })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const registry = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
    const byUrl = Object.fromEntries(Object.entries(contents).map(([path, content]) => [`http://${registry}${path}`, content]))
    peer = new FakePeer({ dataDir: directory, contents: byUrl })
    clock = new VirtualClock()
    mirror = new Mirror({
      peer,
      settings: { host: '127.0.0.1', port: 0, usual: registry, registries: {}, tagMemoryMs: MEMORY_MS, accessMemoryMs: MEMORY_MS },
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

  it('lets the registry itself give what cannot be had through the swarm', async () => {
    await start(serves(blob), {})
    const answer = await ask(BLOB)
    assert.deepEqual([answer.status, answer.bytes.equals(blob)], [200, true])
    assert.deepEqual(asked, [`HEAD ${BLOB}`, `GET ${BLOB}`])
  })

  it('breaks the connection where a blob turns out wrong on its way', async () => {
    const error = new DamselflyError('DIGEST_MISMATCH', 'another content')
    await start(serves(blob), { [BLOB]: { bytes: blob, error } })
    await assert.rejects(ask(BLOB), { code: 'ECONNRESET' })
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
