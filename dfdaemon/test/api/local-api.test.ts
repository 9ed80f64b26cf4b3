import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { DamselflyError, isDamselflyError, formatDigest, sha256, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { Counter, Registry } from '@damselfly/shared/metrics'
import { createLocalApi, type LocalApi } from '../../src/api/local-api.ts'
import { LINGER_MS } from '../../src/api/download-handles.ts'
import { CAPABILITY_HEADER } from '../../src/api/protocol.ts'
import type { Peer } from '../../src/peer/peer.ts'
import { PieceGate, startLocalApi, URL_OF_CONTENT, type LocalApiFixture } from './local-api-fixture.ts'
import { call, events, open, type Answer } from './socket-http.ts'

const KIB = 1024
const content = Buffer.from(Array.from({ length: 200 * KIB }, (_, i) => (i * 31) % 251))

/** Downloads the content and keeps what is needed to read it. */
async function download(socket: string): Promise<{ readonly taskId: string; readonly headers: Record<string, string> }> {
  const { body } = await call(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT } })
  const [started] = events(body)
  return { taskId: String(started?.['taskId']), headers: { [CAPABILITY_HEADER]: String(started?.['capability']) } }
}

function another(peer: Peer, socket: string, group?: string): LocalApi {
  const rest = { registry: new Registry(), clock: new VirtualClock(), logger: silentLogger(), version: '1' }
  return createLocalApi({ peer, socket, group, ...rest })
}

describe('the local API', () => {
  let fixture: LocalApiFixture | undefined

  afterEach(async () => {
    await fixture?.close()
    fixture = undefined
  })

  const start = async (...args: Parameters<typeof startLocalApi>): Promise<LocalApiFixture> => {
    fixture = await startLocalApi(...args)
    return fixture
  }

  describe('a download', () => {
    it('streams started, progress and done as lines of JSON', async () => {
      const { socket } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } })
      const { status, headers, body } = await call(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT } })
      assert.equal(status, 200)
      assert.equal(headers['content-type'], 'application/x-ndjson')
      const [first, ...rest] = events(body)
      const last = rest.at(-1)
      assert.equal(first?.['type'], 'started')
      assert.match(String(first?.['capability']), /^[\da-f-]{36}$/)
      assert.deepEqual(new Set(rest.slice(0, -1).map((event) => event['type'])), new Set(['progress']))
      assert.equal(last?.['type'], 'done')
      assert.equal(last['digest'], formatDigest(sha256(content)))
      assert.equal(last['length'], content.length)
      assert.deepEqual(last['bytesFrom'], { held: 0, peers: content.length, cdn: 0, origin: 0 })
      assert.equal((await stat(String(last['path']), { bigint: true })).ino.toString(), last['inode'])
    })

    it('ends with the error, its code and advice', async () => {
      const error = new DamselflyError('ORIGIN_NOT_FOUND', 'the origin answered 404')
      const { socket } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content, error } } })
      const { body } = await call(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT } })
      assert.deepEqual(events(body).at(-1), {
        type: 'error',
        code: 'ORIGIN_NOT_FOUND',
        message: 'the origin answered 404',
        advice: error.kind.advice,
      })
    })

    it('is given up when the caller disconnects', async () => {
      const { socket, peer } = await start({
        contents: { [URL_OF_CONTENT]: { bytes: content } },
        beforePiece: new PieceGate().pass,
      })
      const response = await open(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT } })
      await once(response, 'readable')
      assert.equal(peer.downloads[0]?.released, false)
      response.destroy()
      await peer.downloads[0]?.whenReleased()
    })

    it('goes on without its caller when detached', async () => {
      const gate = new PieceGate()
      const { socket, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } }, beforePiece: gate.pass })
      const { status, body } = await call(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT, detach: true } })
      assert.equal(status, 202)
      const { taskId } = JSON.parse(body)
      gate.open(4)
      assert.equal((await peer.downloads[0]?.finished)?.taskId, taskId)
    })

    it('hands every field of the request to the peer', async () => {
      const { socket, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } })
      const digest = formatDigest(sha256(content))
      const body = {
        url: URL_OF_CONTENT,
        headers: [['Accept', 'text/plain']],
        filteredQueryParams: ['sig'],
        tag: 't',
        application: 'a',
        digest,
        range: { start: 1, end: 2 },
        order: 'in-order',
        backToSource: false,
        limitRate: 1000,
        priority: 'background',
      }
      await call(socket, 'POST', '/api/v1/downloads', { body })
      assert.deepEqual(peer.requests, [{ ...body, digest: Buffer.from(sha256(content)) }])
    })

    for (const [what, body] of Object.entries({
      'an unknown field': { url: 'http://a/', outputPath: '/etc/passwd' },
      'a header with a line break': { url: 'http://a/', headers: [['x', 'a\r\nb: c']] },
      'a malformed digest': { url: 'http://a/', digest: 'md5:1' },
      'a range that runs backwards': { url: 'http://a/', range: { start: 5, end: 4 } },
      'no URL': {},
    })) {
      it(`is refused with ${what}`, async () => {
        const { socket, peer } = await start({ contents: {} })
        const { status, body: answer } = await call(socket, 'POST', '/api/v1/downloads', { body })
        assert.equal(status, 400)
        assert.equal(JSON.parse(answer).code, 'USAGE')
        assert.equal(peer.requests.length, 0)
      })
    }

    it('is refused with what the peer says when it cannot begin', async () => {
      const { socket } = await start({ contents: {} })
      const { status, body } = await call(socket, 'POST', '/api/v1/downloads', { body: { url: 'gopher://a/' } })
      assert.equal(status, 400)
      assert.equal(JSON.parse(body).code, 'URL_REFUSED')
    })
  })

  describe('content', () => {
    it('comes in order while it downloads', async () => {
      const gate = new PieceGate()
      const { socket } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } }, beforePiece: gate.pass })
      const posted = await open(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT, order: 'in-order' } })
      const [line] = (await once(posted.setEncoding('utf8'), 'data')) as [string]
      const { taskId, capability } = JSON.parse(line.split('\n')[0] ?? '')
      gate.open(1)
      const response = await open(socket, 'GET', `/api/v1/tasks/${taskId}/content`, { headers: { [CAPABILITY_HEADER]: capability } })
      const parts: Buffer[] = []
      for await (const part of response) {
        parts.push(part as Buffer)
        if (Buffer.concat(parts).length === 64 * KIB) gate.open(4)
      }
      assert.deepEqual(Buffer.concat(parts), content)
      posted.destroy()
    })

    it('is refused without the capability of that download', async () => {
      const { socket } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } })
      const { taskId, headers } = await download(socket)
      const path = `/api/v1/tasks/${taskId}/content`
      assert.equal((await call(socket, 'GET', path)).status, 404)
      assert.equal((await call(socket, 'GET', path, { headers: { [CAPABILITY_HEADER]: 'guess' } })).status, 404)
      const other = `/api/v1/tasks/${'0'.repeat(64)}/content`
      assert.equal((await call(socket, 'GET', other, { headers })).status, 404)
      assert.equal((await call(socket, 'GET', path, { headers })).status, 200)
    })

    it('serves single ranges of what is finished', async () => {
      const { socket } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } })
      const { taskId, headers } = await download(socket)
      const get = (range: string): Promise<Answer> =>
        call(socket, 'GET', `/api/v1/tasks/${taskId}/content`, { headers: { ...headers, range } })
      const part = await get('bytes=10-19')
      assert.equal(part.status, 206)
      assert.equal(part.headers['content-range'], `bytes 10-19/${content.length}`)
      assert.equal(part.body, content.toString('latin1', 10, 20))
      assert.equal((await get('bytes=-5')).body, content.toString('latin1', content.length - 5))
      const past = await get(`bytes=${content.length}-`)
      assert.equal(past.status, 416)
      assert.equal(past.headers['content-range'], `bytes */${content.length}`)
    })

    it('can be empty', async () => {
      const { socket } = await start({ contents: { [URL_OF_CONTENT]: { bytes: Buffer.alloc(0) } } })
      const { taskId, headers } = await download(socket)
      const { status, body } = await call(socket, 'GET', `/api/v1/tasks/${taskId}/content`, { headers })
      assert.deepEqual([status, body], [200, ''])
    })

    it('stays readable for a while after the download, then is released', async () => {
      const clock = new VirtualClock()
      const { socket, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } }, { clock })
      const { taskId, headers } = await download(socket)
      const path = `/api/v1/tasks/${taskId}/content`
      clock.advance(LINGER_MS - 1)
      assert.equal((await call(socket, 'GET', path, { headers })).status, 200)
      clock.advance(LINGER_MS)
      await peer.downloads[0]?.whenReleased()
      assert.equal((await call(socket, 'GET', path, { headers })).status, 404)
    })

    it('is kept for a caller who says so until the connection is closed', async () => {
      const clock = new VirtualClock()
      const { socket, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } }, { clock })
      const response = await open(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT, keep: 'connection' } })
      let told = ''
      for await (const part of response.setEncoding('utf8')) {
        told += String(part)
        if (told.includes('"done"')) break
      }
      assert.equal(response.complete, false)
      assert.equal(peer.downloads[0]?.released, response.destroyed)
      response.destroy()
      await peer.downloads[0]?.whenReleased()
      assert.equal(clock.pending, 0)
    })

    it('is not kept at all for a caller who says so', async () => {
      const clock = new VirtualClock()
      const { socket, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } }, { clock })
      const { body } = await call(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT, keep: 'none' } })
      assert.equal(events(body).at(-1)?.['type'], 'done')
      await peer.downloads[0]?.whenReleased()
      assert.equal(clock.pending, 0)
    })

    it('is released at once when the caller says so', async () => {
      const { socket, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } })
      const { headers } = await download(socket)
      assert.equal((await call(socket, 'DELETE', '/api/v1/downloads', { headers })).status, 204)
      assert.equal(peer.downloads[0]?.released, true)
      assert.equal((await call(socket, 'DELETE', '/api/v1/downloads', { headers })).status, 404)
    })
  })

  describe('tasks', () => {
    it('are listed, shown and deleted when idle', async () => {
      const { socket } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } })
      const { body } = await call(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT } })
      const [started] = events(body)
      const path = `/api/v1/tasks/${String(started?.['taskId'])}`
      const { tasks } = JSON.parse((await call(socket, 'GET', '/api/v1/tasks')).body)
      assert.deepEqual(tasks, [JSON.parse((await call(socket, 'GET', path)).body)])
      assert.equal(tasks[0].digest, formatDigest(sha256(content)))
      const busy = await call(socket, 'DELETE', path)
      assert.deepEqual([busy.status, JSON.parse(busy.body).code], [409, 'TASK_BUSY'])
      await call(socket, 'DELETE', '/api/v1/downloads', { headers: { [CAPABILITY_HEADER]: String(started?.['capability']) } })
      assert.equal((await call(socket, 'POST', `${path}/pin`)).status, 204)
      assert.equal(JSON.parse((await call(socket, 'POST', `${path}/evict`)).body).code, 'TASK_PINNED')
      assert.equal((await call(socket, 'POST', `${path}/unpin`)).status, 204)
      assert.equal((await call(socket, 'DELETE', path)).status, 204)
      assert.equal((await call(socket, 'GET', path)).status, 404)
    })

    it('have ids of 64 hexadecimal characters', async () => {
      const { socket } = await start({ contents: {} })
      assert.equal((await call(socket, 'GET', '/api/v1/tasks/..%2Fetc')).status, 400)
      assert.equal((await call(socket, 'DELETE', `/api/v1/tasks/${'0'.repeat(64)}`)).status, 404)
    })
  })

  it('shows limits of rate, and changes them while it runs', async () => {
    const { socket, peer } = await start({ contents: {} })
    const path = '/api/v1/rates'
    const task = 'ab'.repeat(32)
    peer.rates.supernodeAllows({ upload: 7, download: 0, origin: 0 })
    assert.equal((await call(socket, 'PATCH', path, { body: { upload: 5, peerUpload: 2 } })).status, 200)
    await call(socket, 'PATCH', `/api/v1/tasks/${task}/rates`, { body: { upload: 4, download: 3 } })
    await call(socket, 'PATCH', `/api/v1/tasks/${task}/rates`, { body: { upload: null } })
    assert.deepEqual(JSON.parse((await call(socket, 'GET', path)).body), {
      settings: { upload: 5, download: 0, origin: 0, taskUpload: 0, taskDownload: 0, peerUpload: 2, peerDownload: 0 },
      supernode: { upload: 7, download: 0, origin: 0 },
      tasks: [{ taskId: task, upload: null, download: 3 }],
    })
    assert.deepEqual(peer.rates.uploads.limits, { host: 5, perTask: 0, perPeer: 2 })
    for (const body of [{ upload: -1 }, { upload: '5' }, { nothing: 1 }]) {
      const { status, body: answer } = await call(socket, 'PATCH', path, { body })
      assert.deepEqual([status, JSON.parse(answer).code], [400, 'USAGE'])
    }
  })

  it('tells status, health, readiness, metrics and its own schema', async () => {
    const { socket, registry } = await start({ contents: {} })
    const counter = new Counter({ name: 'damselfly_test_total', help: 'A test.', registers: [registry] })
    counter.inc(3)
    const get = (path: string): Promise<Answer> => call(socket, 'GET', path)
    assert.equal(JSON.parse((await get('/api/v1/status')).body).supernode.type, 'disconnected')
    assert.deepEqual(JSON.parse((await get('/healthz')).body), { status: 'ok' })
    assert.equal((await get('/readyz')).status, 200)
    const metrics = (await get('/metrics')).body
    assert.match(metrics, /^damselfly_test_total 3$/m)
    assert.match(metrics, /^damselfly_peer_supernode_connected 0$/m)
    const openapi = JSON.parse((await get('/openapi.json')).body)
    assert.equal(openapi.info.version, '1.2.3')
    assert.deepEqual(Object.keys(openapi.paths).toSorted(), [
      '/api/v1/downloads',
      '/api/v1/gc',
      '/api/v1/rates',
      '/api/v1/status',
      '/api/v1/tasks',
      '/api/v1/tasks/{id}',
      '/api/v1/tasks/{id}/content',
      '/api/v1/tasks/{id}/evict',
      '/api/v1/tasks/{id}/pin',
      '/api/v1/tasks/{id}/rates',
      '/api/v1/tasks/{id}/unpin',
      '/healthz',
      '/metrics',
      '/readyz',
    ])
    const unknown = await get('/nothing?token=secret')
    assert.equal(unknown.status, 404)
    assert.doesNotMatch(unknown.body, /secret/)
  })

  it('counts downloads by result, and bytes by where they came from', async () => {
    const error = new DamselflyError('ORIGIN_SHORT', 'cut')
    const failing = 'http://origin.test/failing'
    const contents = { [URL_OF_CONTENT]: { bytes: content, backToSource: 'supernode-slow' }, [failing]: { bytes: content, error } } as const
    const { socket } = await start({ contents })
    for (const url of [URL_OF_CONTENT, failing]) await call(socket, 'POST', '/api/v1/downloads', { body: { url } })
    const { body } = await call(socket, 'GET', '/metrics')
    const lines = [
      'damselfly_peer_download_results_total{result="ok"} 1',
      'damselfly_peer_download_results_total{result="ORIGIN_SHORT"} 1',
      `damselfly_peer_download_bytes_total{from="peers"} ${content.length + 192 * KIB}`,
      'damselfly_peer_back_to_source_total{reason="supernode-slow"} 1',
    ]
    for (const line of lines) assert.ok(body.split('\n').includes(line), line)
  })

  it('ends running downloads with an error event when it stops', async () => {
    const { socket, api, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } }, beforePiece: new PieceGate().pass })
    const response = await open(socket, 'POST', '/api/v1/downloads', { body: { url: URL_OF_CONTENT } })
    const body = text(response)
    await api.stop(5000)
    assert.equal(events(await body).at(-1)?.['code'], 'DAEMON_UNREACHABLE')
    assert.equal(peer.downloads[0]?.released, true)
    await assert.rejects(stat(socket), { code: 'ENOENT' })
  })

  describe('its socket', () => {
    it('lets in its owner and group only', async () => {
      const { socket } = await start({ contents: {} })
      assert.equal((await stat(socket)).mode & 0o777, 0o660)
      assert.equal((await stat(join(socket, '..'))).mode & 0o777, 0o750)
    })

    it('is not taken from a living daemon', async () => {
      const { socket, peer } = await start({ contents: {} })
      await assert.rejects(another(peer, socket).start(), (error) => isDamselflyError(error, 'ADDRESS_IN_USE'))
      assert.equal((await call(socket, 'GET', '/healthz')).status, 200)
    })

    it('replaces one that a dead daemon left', async () => {
      const { directory, peer } = await start({ contents: {} })
      const stale = join(directory, 'stale.sock')
      const dead = createServer()
      // Bound by another name, so that closing leaves the file at the path that is tested.
      const bound = join(directory, 'bound.sock')
      dead.listen(bound)
      await once(dead, 'listening')
      await rename(bound, stale)
      dead.close()
      await once(dead, 'close')
      const api = another(peer, stale)
      await api.start()
      assert.equal((await call(stale, 'GET', '/healthz')).status, 200)
      await api.stop(0)
    })

    it('never replaces a file that is no socket', async () => {
      const { directory, peer } = await start({ contents: {} })
      const path = join(directory, 'file')
      await writeFile(path, 'precious')
      await assert.rejects(another(peer, path).start(), (error) => isDamselflyError(error, 'ADDRESS_IN_USE'))
    })

    it('names the setting when its group does not exist', async () => {
      const { directory, peer } = await start({ contents: {} })
      const path = join(directory, 'grouped.sock')
      await assert.rejects(another(peer, path, 'no-such-group-here').start(), /api\.group.*no-such-group-here/)
      await assert.rejects(stat(path), { code: 'ENOENT' })
    })

    it('leaves the mode of a directory that was there', async () => {
      const { directory, peer } = await start({ contents: {} })
      const present = join(directory, 'present')
      await mkdir(present)
      await chmod(present, 0o711)
      const api = another(peer, join(present, 'a.sock'))
      await api.start()
      assert.equal((await stat(present)).mode & 0o777, 0o711)
      await api.stop(0)
    })
  })
})
