import assert from 'node:assert/strict'
import { buffer } from 'node:stream/consumers'
import { formatDigest, sha256 } from '@damselfly/shared'
import { BLOB, blob, manifest, MirroredRegistry, serves, type MirroredRegistryInit } from './mirrored-registry.ts'

describe('what the mirror leaves to registries', () => {
  let mirrored: MirroredRegistry
  const start = async (init: MirroredRegistryInit): Promise<void> => void (mirrored = await MirroredRegistry.start(init))
  afterEach(() => mirrored.stop())

  it('refuses digests that are none in the words of the specification', async () => {
    await start({ answer: serves(blob) })
    const { status, bytes } = await mirrored.ask('/v2/app/manifests/sha256:totallywrong')
    assert.deepEqual([status, JSON.parse(bytes.toString()).errors[0].code, mirrored.asked], [400, 'DIGEST_INVALID', []])
  })

  it('says with the status of it what no server could read', async () => {
    await start({ answer: serves(blob) })
    const { status, bytes } = await mirrored.ask('/', { 'content-type': '' }, 'POST', 'body')
    assert.deepEqual([status, JSON.parse(bytes.toString()).errors[0].code], [415, 'UNSUPPORTED'])
  })

  it('passes lists of what refers to a content on as they are', async () => {
    const index = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    const type = 'application/vnd.oci.image.index.v1+json'
    await start({ answer: (_question, reply) => reply.writeHead(200, { 'content-type': type, 'oci-filters-applied': 'artifactType' }).end(index) })
    const path = `/v2/app/referrers/${formatDigest(sha256(manifest))}?artifactType=application/x`
    const { status, headers, bytes } = await mirrored.ask(path)
    assert.deepEqual([status, headers['content-type'], headers['oci-filters-applied'], bytes.toString()], [200, type, 'artifactType', index])
    assert.deepEqual(mirrored.asked, [`GET ${path}`])
  })

  it('passes pushes and their bodies on', async () => {
    const bodies: string[] = []
    await start({
      answer: (question, reply) => {
        void buffer(question).then((body) => {
          bodies.push(body.toString())
          reply.writeHead(202, { location: '/v2/app/blobs/uploads/1' }).end()
        })
      },
    })
    const answer = await mirrored.ask('/v2/app/blobs/uploads/', { 'content-type': 'application/json', 'content-length': '5' }, 'POST', 'bytes')
    assert.deepEqual([answer.status, answer.headers.location, bodies], [202, '/v2/app/blobs/uploads/1', ['bytes']])
  })

  it('says in the words of registries that one does not answer', async () => {
    await start({ answer: (question) => question.socket.destroy() })
    const { status, bytes } = await mirrored.ask('/v2/app/tags/list')
    assert.equal(status, 502)
    assert.equal(JSON.parse(bytes.toString()).errors[0].detail, 'ORIGIN_UNREACHABLE')
  })

  it('stops without leaving anything', async () => {
    await start({ answer: serves(blob), contents: { [BLOB]: { bytes: blob } } })
    await mirrored.ask(BLOB)
    await mirrored.mirror.stop(0)
    await assert.rejects(mirrored.ask(BLOB), { code: 'ECONNREFUSED' })
    assert.ok(mirrored.peer.downloads.every((download) => download.released))
  })
})
