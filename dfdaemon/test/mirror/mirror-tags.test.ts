import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { formatDigest, sha256 } from '@damselfly/shared'
import { BLOB, blob, MANIFEST, manifest, MEMORY_MS, MirroredRegistry, serves, STALE_MS, type MirroredRegistryInit } from './mirrored-registry.ts'

const TAG = '/v2/app/manifests/1'
const headers = { 'content-type': 'application/x', 'docker-content-digest': formatDigest(sha256(manifest)) }

describe('tags at the mirror', () => {
  let mirrored: MirroredRegistry
  const start = async (init: MirroredRegistryInit): Promise<void> => void (mirrored = await MirroredRegistry.start(init))
  afterEach(() => mirrored.stop())

  it('remembers for a moment what a tag means, for each caller apart', async () => {
    await start({ answer: serves(manifest, headers), contents: { [MANIFEST]: { bytes: manifest } } })
    for (const method of ['HEAD', 'GET', 'GET']) {
      const answer = await mirrored.ask(TAG, {}, method)
      assert.deepEqual([answer.status, answer.headers['content-type'], answer.headers['content-length']], [200, 'application/x', `${manifest.length}`])
      assert.ok(answer.bytes.equals(method === 'GET' ? manifest : Buffer.alloc(0)))
    }
    assert.deepEqual(mirrored.asked, [`HEAD ${TAG}`])
    await mirrored.ask(TAG, { authorization: 'Bearer other' }, 'HEAD')
    mirrored.clock.advance(MEMORY_MS + 1)
    await mirrored.ask(TAG, {}, 'HEAD')
    assert.equal(mirrored.asked.length, 3)
  })

  describe('while the registry fails', () => {
    for (const [how, fail] of [
      ['does not answer', (_question, reply) => void reply.socket?.destroy()],
      ['answers 503', (_question, reply) => void reply.writeHead(503).end()],
    ] satisfies [string, RequestListener][]) {
      it(`gives what a tag meant, with its age, and blobs to whom it let in, where it ${how}`, async () => {
        let isWell = true
        await start({
          answer: (question, reply) => (isWell ? serves(manifest, headers)(question, reply) : fail(question, reply)),
          contents: { [MANIFEST]: { bytes: manifest }, [BLOB]: { bytes: blob } },
        })
        for (const path of [TAG, BLOB]) assert.equal((await mirrored.ask(path)).status, 200)
        isWell = false
        mirrored.clock.advance(2 * MEMORY_MS)
        const answer = await mirrored.ask(TAG)
        assert.deepEqual([answer.status, answer.headers['x-damselfly-stale'], answer.headers.age], [200, 'registry-failed', '120'])
        assert.ok(answer.bytes.equals(manifest))
        assert.ok((await mirrored.ask(BLOB)).bytes.equals(blob))
        // Somebody else was never let in.
        for (const path of [TAG, BLOB]) assert.ok((await mirrored.ask(path, { authorization: 'Bearer other' })).status >= 500)
        mirrored.clock.advance(STALE_MS)
        for (const path of [TAG, BLOB]) assert.ok((await mirrored.ask(path)).status >= 500)
      })
    }

    it('gives no tag that the registry has said to be gone', async () => {
      let status = 200
      await start({
        answer: (question, reply) => (status === 200 ? serves(manifest, headers)(question, reply) : void reply.writeHead(status).end()),
        contents: { [MANIFEST]: { bytes: manifest } },
      })
      assert.equal((await mirrored.ask(TAG)).status, 200)
      mirrored.clock.advance(2 * MEMORY_MS)
      for (status of [404, 503]) assert.equal((await mirrored.ask(TAG)).status, status)
    })
  })

  it('asks again what a tag means that was pushed through it', async () => {
    await start({ answer: serves(manifest, headers), contents: { [MANIFEST]: { bytes: manifest } } })
    for (const method of ['HEAD', 'HEAD', 'PUT', 'HEAD']) await mirrored.ask(TAG, {}, method)
    assert.deepEqual(mirrored.asked, ['HEAD', 'PUT', 'HEAD'].map((method) => `${method} ${TAG}`))
  })
})
