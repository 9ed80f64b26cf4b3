import assert from 'node:assert/strict'
import { DamselflyError } from '@damselfly/shared'
import { BLOB, blob, MirroredRegistry, serves, servesRanges, STALL_MS, type MirroredRegistryInit } from './mirrored-registry.ts'

/** Of the peer; bytes. */
const PIECE = 64 * 1024

describe('where the mirror gets contents from', () => {
  let mirrored: MirroredRegistry
  const start = async (init: MirroredRegistryInit): Promise<void> => void (mirrored = await MirroredRegistry.start(init))
  afterEach(() => mirrored.stop())

  it('lets the registry itself give what cannot be had through the swarm', async () => {
    await start({ answer: serves(blob) })
    const answer = await mirrored.ask(BLOB)
    assert.deepEqual([answer.status, answer.bytes.equals(blob)], [200, true])
    assert.equal(answer.headers['x-damselfly-back-to-source'], 'swarm-failed')
    assert.equal(mirrored.asked.at(-1), `GET ${BLOB}`)
  })

  it('goes on from the registry at the very byte where the swarm fails', async () => {
    const seen: (string | undefined)[] = []
    await start({
      answer: (question, reply) => {
        if (question.method === 'GET') seen.push(question.headers.range)
        servesRanges(blob)(question, reply)
      },
      contents: { [BLOB]: { bytes: blob, error: new DamselflyError('DISK_FULL', 'no room') } },
    })
    const answer = await mirrored.ask(BLOB)
    assert.deepEqual([answer.status, answer.bytes.equals(blob)], [200, true])
    assert.deepEqual(seen, [`bytes=${4 * PIECE}-${blob.length - 1}`])
  })

  it('gives a source up that stalls, and goes on from another', async () => {
    const reached = Promise.withResolvers<void>()
    await start({
      answer: servesRanges(blob),
      contents: { [BLOB]: { bytes: blob } },
      beforePiece: (index) => {
        if (index < 2) return Promise.resolve()
        reached.resolve()
        return new Promise(() => undefined)
      },
    })
    const answering = mirrored.ask(BLOB)
    await reached.promise
    const timer = setInterval(() => mirrored.clock.advance(STALL_MS), 5)
    // From then on time stands still: the registry, which is real, must not seem to stall too.
    await mirrored.peer.downloads[0]?.whenReleased().finally(() => clearInterval(timer))
    const { status, bytes } = await answering
    assert.deepEqual([status, bytes.equals(blob)], [200, true])
    assert.ok(mirrored.peer.downloads.every((download) => download.released))
  })

  for (const [whose, contents] of [
    ['the swarm', { [BLOB]: { bytes: blob, error: new DamselflyError('DIGEST_MISMATCH', 'another content') } }],
    ['the registry', {}],
  ] as const) {
    it(`breaks the connection where a blob of ${whose} turns out wrong on its way`, async () => {
      await start({ answer: servesRanges(Buffer.alloc(blob.length, 8)), contents })
      await assert.rejects(mirrored.ask(BLOB), { code: 'ECONNRESET' })
    })
  }

  it('tells of what nobody has in the words of the registry', async () => {
    await start({ answer: (question, reply) => reply.writeHead(question.method === 'HEAD' ? 200 : 404).end('{"errors":[{"code":"BLOB_UNKNOWN"}]}') })
    const { status, bytes } = await mirrored.ask(BLOB)
    assert.deepEqual([status, bytes.toString()], [404, '{"errors":[{"code":"BLOB_UNKNOWN"}]}'])
  })

  it('ends the download when the client goes away', async () => {
    const begun = Promise.withResolvers<void>()
    await start({
      answer: serves(blob),
      contents: { [BLOB]: { bytes: blob } },
      beforePiece: (index) => {
        if (index === 1) begun.resolve()
        return index === 0 ? Promise.resolve() : new Promise(() => undefined)
      },
    })
    await mirrored.askAndLeave(BLOB, begun.promise)
    await mirrored.peer.downloads[0]?.whenReleased()
  })
})
