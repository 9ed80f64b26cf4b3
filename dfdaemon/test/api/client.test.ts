import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DamselflyError, isDamselflyError, sha256 } from '@damselfly/shared'
import { connectDaemon, startDownload } from '../../src/api/client.ts'
import { requestFor } from '../../src/testing/index.ts'
import { PieceGate, startLocalApi, URL_OF_CONTENT, type LocalApiFixture } from './local-api-fixture.ts'

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 253))
const never = new AbortController().signal

async function readAll(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

describe('the client of the local API', () => {
  let fixture: LocalApiFixture | undefined

  afterEach(async () => {
    await fixture?.close()
    fixture = undefined
  })

  const start = async (...args: Parameters<typeof startLocalApi>): Promise<LocalApiFixture> => {
    fixture = await startLocalApi(...args)
    return fixture
  }

  it('downloads, finds the file and releases it', async () => {
    const { connect, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content, backToSource: 'supernode-lost' } } })
    const client = await connect()
    const download = await client.download(requestFor(URL_OF_CONTENT, { digest: sha256(content) }), never)
    const finished = await download.finished
    assert.deepEqual(finished.contentDigest, sha256(content))
    assert.equal(finished.backToSource, 'supernode-lost')
    assert.equal(download.progress().verifiedBytes, content.length)
    const path = download.readableFile()
    assert.deepEqual(await readFile(path ?? ''), content)
    assert.equal(peer.downloads[0]?.released, false)
    await download.release()
    await peer.downloads[0]?.whenReleased()
  })

  it('does not take another file at the same path for the content', async () => {
    const { connect, directory } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } })
    const download = await (await connect()).download(requestFor(URL_OF_CONTENT), never)
    const { path } = await download.finished
    const original = join(directory, 'original')
    await rename(path, original)
    await copyFile(original, path)
    assert.equal(download.readableFile(), undefined)
  })

  it('reads the content in order while it downloads', async () => {
    const gate = new PieceGate()
    const { connect } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } }, beforePiece: gate.pass })
    const download = await (await connect()).download(requestFor(URL_OF_CONTENT, { order: 'in-order' }), never)
    gate.open(1)
    const parts = download.content(never)
    const first = (await parts.next()).value
    assert.ok(first)
    gate.open(10)
    assert.deepEqual(Buffer.concat([first, await readAll(parts)]), content)
  })

  it('tells why the content broke off', async () => {
    const error = new DamselflyError('ORIGIN_SHORT', 'the origin ended early')
    const { connect } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content, error } } })
    const download = await (await connect()).download(requestFor(URL_OF_CONTENT), never)
    await assert.rejects(readAll(download.content(never)), (thrown) => isDamselflyError(thrown, 'ORIGIN_SHORT'))
    await assert.rejects(download.finished, (thrown) => isDamselflyError(thrown, 'ORIGIN_SHORT'))
  })

  it('gives the download up when released or aborted', async () => {
    const { connect, peer } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } }, beforePiece: new PieceGate().pass })
    const client = await connect()
    const released = await client.download(requestFor(URL_OF_CONTENT), never)
    await released.release()
    await peer.downloads[0]?.whenReleased()
    const abort = new AbortController()
    const aborted = await client.download(requestFor(URL_OF_CONTENT), abort.signal)
    abort.abort(new DamselflyError('TIMEOUT', 'too late'))
    await peer.downloads[1]?.whenReleased()
    await assert.rejects(aborted.finished)
  })

  it('pins, unpins and deletes what the daemon holds', async () => {
    const { connect } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } } })
    const client = await connect()
    const download = await client.download(requestFor(URL_OF_CONTENT), never)
    await download.finished
    const pinned = async (): Promise<boolean | undefined> => (await client.tasks())[0]?.pinned
    await client.pinTask(download.taskId, true)
    assert.equal(await pinned(), true)
    await assert.rejects(client.deleteTask(download.taskId), (error) => isDamselflyError(error, 'TASK_PINNED'))
    await client.pinTask(download.taskId, false)
    assert.equal(await pinned(), false)
  })

  it('passes on what the daemon refuses', async () => {
    const { connect } = await start({ contents: {} })
    const client = await connect()
    await assert.rejects(client.download(requestFor('gopher://x/'), never), (error) => isDamselflyError(error, 'URL_REFUSED'))
    await assert.rejects(client.deleteTask('0'.repeat(64) as never), (error) => isDamselflyError(error, 'TASK_NOT_FOUND'))
    assert.deepEqual(await client.tasks(), [])
    assert.equal((await client.status()).version, '0.0.0')
  })

  it('says DAEMON_UNREACHABLE when nobody listens, or when the daemon goes away', async () => {
    await assert.rejects(connectDaemon('/nonexistent/dfdaemon.sock'), (error) => isDamselflyError(error, 'DAEMON_UNREACHABLE'))
    const { connect, api } = await start({ contents: { [URL_OF_CONTENT]: { bytes: content } }, beforePiece: new PieceGate().pass })
    const download = await (await connect()).download(requestFor(URL_OF_CONTENT), never)
    await api.stop(0)
    await assert.rejects(download.finished, (error) => isDamselflyError(error, 'DAEMON_UNREACHABLE'))
  })

  describe('with a daemon that misbehaves', () => {
    let directory = ''
    let server: Server | undefined

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'damselfly-client-'))
    })
    afterEach(async () => {
      server?.closeAllConnections()
      server?.close()
      await rm(directory, { recursive: true })
    })

    const serve = async (events: RequestListener): Promise<string> => {
      const path = join(directory, 's')
      server = createServer((request, response) => (request.url === '/healthz' ? response.end('{}') : events(request, response)))
      server.listen(path)
      await once(server, 'listening')
      return path
    }

    for (const [what, answer, code] of [
      ['no JSON', 'hello\n', 'PROTOCOL'],
      ['no first event', '', 'DAEMON_UNREACHABLE'],
      ['an end without a start', '{"type":"done"}\n', 'PROTOCOL'],
      ['an endless line', 'x'.repeat(3_000_000), 'PROTOCOL'],
    ] as const) {
      it(`refuses ${what}`, async () => {
        const client = await connectDaemon(await serve((_request, response) => response.end(answer)))
        await assert.rejects(client.download(requestFor('http://a/'), never), (error) => isDamselflyError(error, code))
        client.close()
      })
    }

    it('does not wait for one that never answers', async () => {
      const path = join(directory, 'silent')
      server = createServer(() => undefined).listen(path)
      await once(server, 'listening')
      await assert.rejects(connectDaemon(path, 20), (error) => isDamselflyError(error, 'DAEMON_UNREACHABLE'))
    })

    it('gives up a download that one never answers, and waits for one that lives', async () => {
      const isUnreachable = (error: unknown): boolean => isDamselflyError(error, 'DAEMON_UNREACHABLE')
      const silent = join(directory, 'silent')
      server = createServer(() => undefined).listen(silent)
      await once(server, 'listening')
      await assert.rejects(startDownload(silent, requestFor('http://a/'), never, 20), isUnreachable)
      server.closeAllConnections()
      server.close()

      let asked = 0
      const answer = '{"type":"started","taskId":"t","capability":"c"}\n'
      const posted = Promise.withResolvers<ServerResponse>()
      server = createServer((request, response) => {
        if (request.method === 'POST') return posted.resolve(response)
        response.end('{}')
        // It was asked twice whether it lives, and so was not given up the first time.
        if (++asked === 2) void posted.promise.then((waiting) => waiting.end(answer))
      })
      const slow = join(directory, 'slow')
      server.listen(slow)
      await once(server, 'listening')
      assert.equal((await startDownload(slow, requestFor('http://a/'), never, 20)).taskId, 't')
    })

    it('waits for its turn when more callers come at once than the system lets wait', async () => {
      const path = join(directory, 'crowded')
      server = createServer((_request, response) => response.end('{"type":"started","taskId":"t","capability":"c"}\n'))
      server.listen({ path, backlog: 1 })
      await once(server, 'listening')
      const downloads = await Promise.all(Array.from({ length: 20 }, async () => startDownload(path, requestFor('http://a/'), never)))
      assert.deepEqual(new Set(downloads.map(({ taskId }) => taskId)), new Set(['t']))
      for (const download of downloads) await download.release()
    })

    it('passes over events that it does not know', async () => {
      const lines = ['{"type":"started","taskId":"t","capability":"c"}', '{"type":"news"}', '{"type":"error","code":"DISK_FULL","message":"full"}']
      const client = await connectDaemon(await serve((_request, response) => response.end(`${lines.join('\n')}\n`)))
      const download = await client.download(requestFor('http://a/'), never)
      await assert.rejects(download.finished, (error) => isDamselflyError(error, 'DISK_FULL'))
      client.close()
    })
  })
})
