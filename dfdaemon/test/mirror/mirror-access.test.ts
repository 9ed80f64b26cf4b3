import assert from 'node:assert/strict'
import { BLOB, blob, MEMORY_MS, MirroredRegistry, serves, type MirroredRegistryInit } from './mirrored-registry.ts'

describe('what the mirror gives to whom', () => {
  let mirrored: MirroredRegistry
  const start = async (init: MirroredRegistryInit): Promise<void> => void (mirrored = await MirroredRegistry.start(init))
  afterEach(() => mirrored.stop())

  it('asks the registry once whether a caller may have what is in a repository, and then for a while no more', async () => {
    await start({ answer: serves(blob), contents: { [BLOB]: { bytes: blob } } })
    for (let time = 0; time < 2; time++) {
      const answer = await mirrored.ask(BLOB, { authorization: 'Bearer a' })
      assert.deepEqual([answer.status, answer.bytes.equals(blob)], [200, true])
    }
    assert.deepEqual(mirrored.asked, [`HEAD ${BLOB}`])
    mirrored.clock.advance(MEMORY_MS + 1)
    await mirrored.ask(BLOB, { authorization: 'Bearer a' })
    assert.equal(mirrored.asked.length, 2)
    assert.deepEqual(mirrored.peer.requests[0]?.headers, [['authorization', 'Bearer a']])
  })

  it('keeps its connection to the registry, after a HEAD too', async () => {
    await start({ answer: serves(blob) })
    let connections = 0
    mirrored.upstream.on('connection', () => connections++)
    for (let time = 0; time < 3; time++) await mirrored.ask(BLOB, {}, 'HEAD')
    assert.deepEqual([mirrored.asked.length, connections], [3, 1])
  })

  it('gives nothing to a caller whom the registry refuses, whatever is here, and shows its challenge', async () => {
    const challenge = 'Bearer realm="https://auth.test/token",service="registry"'
    await start({
      answer: (question, reply) =>
        question.headers.authorization === 'Bearer good'
          ? reply.end(blob)
          : reply.writeHead(401, { 'www-authenticate': challenge }).end('{"errors":[]}'),
      contents: { [BLOB]: { bytes: blob } },
    })
    assert.equal((await mirrored.ask(BLOB, { authorization: 'Bearer good' })).status, 200)
    for (const headers of [{}, { authorization: 'Bearer bad' }] as Record<string, string>[]) {
      const { status, headers: shown, bytes } = await mirrored.ask(BLOB, headers)
      assert.deepEqual([status, shown['www-authenticate'], bytes.toString()], [401, challenge, '{"errors":[]}'])
    }
    assert.equal(mirrored.peer.requests.length, 1)
  })

  it('gives a blob that the registry cannot give, to whom it lets into the repository', async () => {
    await start({
      answer: (question, reply) => reply.writeHead(question.url?.includes('/tags/list') === true ? 200 : 500).end('{}'),
      contents: { [BLOB]: { bytes: blob } },
    })
    assert.ok((await mirrored.ask(BLOB)).bytes.equals(blob))
    assert.deepEqual(mirrored.asked, [`HEAD ${BLOB}`, 'GET /v2/app/tags/list?n=1'])
  })
})
