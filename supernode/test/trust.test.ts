import assert from 'node:assert/strict'
import { DamselflyError, sha256, taskIdFromBytes, type PeerId, type TaskId } from '@damselfly/shared'
import type { OriginInfo } from '@damselfly/cdn'
import { createIdentity, signManifest } from '@damselfly/exchange'
import { manifestOf } from '../src/swarm/manifest.ts'
import { createControlBench, largeContent, settle, type ControlBench } from './control-bench.ts'
import { digestOf, pieceCountOf, type FakeContent } from './fake-cdn.ts'
import type { FakePeer } from './fake-peer.ts'

const URL_A = 'https://a.example/file'
const URL_B = 'https://b.example/file'

/** Downloads a content to the end through another supernode of the same identity. @returns its manifest */
async function manifestFrom(bench: ControlBench, content: FakeContent): Promise<Uint8Array> {
  const earlier = createControlBench({ identity: bench.identity })
  earlier.cdn.contents.set(URL_A, content)
  const answer = await earlier.peer().register({ url: URL_A })
  const taskId = taskIdFromBytes(answer.taskId)
  earlier.cdn.tasks.get(taskId)?.finish()
  const swarm = earlier.tasks.get(taskId)?.swarm
  assert.ok(swarm)
  const manifest = signManifest(earlier.identity, manifestOf(swarm))
  await earlier.stop()
  return manifest
}

function infoOf(content: FakeContent, etag: string): OriginInfo {
  return { contentLength: content.bytes.length, acceptsRanges: true, validators: { etag, lastModified: '' } }
}

/** Registers and downloads everything from whoever is assigned. @returns who the parents were */
async function download(peer: FakePeer, content: FakeContent, url = URL_A): Promise<Set<string>> {
  const answer = await peer.register({ url })
  assert.equal(answer.errorCode, '')
  const taskId = taskIdFromBytes(answer.taskId)
  peer.want(taskId, pieceCountOf(content))
  const parents = new Set<string>()
  for (let index = 0; index < pieceCountOf(content); index++) {
    const { parent } = await peer.whenHeard('assign', (assign) => assign.index === index)
    peer.done(taskId, index, parent)
    parents.add(parent)
  }
  return parents
}

function swarmOf(bench: ControlBench, taskId: TaskId) {
  const swarm = bench.tasks.get(taskId)?.swarm
  assert.ok(swarm)
  return swarm
}

function piecesOf(bench: ControlBench, taskId: TaskId, peer: PeerId): number {
  return swarmOf(bench, taskId).members.get(peer)?.possession.count ?? 0
}

describe('a supernode that starts anew', () => {
  const content = largeContent(3, { etag: '"v1"' })

  it('rebuilds a task from a manifest of its own and lets peers serve it without the origin', async () => {
    const bench = createControlBench()
    const holder = bench.peer()
    const signedManifest = await manifestFrom(bench, content)
    holder.announce(URL_A, content, { signedManifest })
    const child = bench.peer()
    assert.deepEqual(await download(child, content), new Set([holder.id]))
    assert.equal(bench.cdn.obtained.length, 0)
    assert.equal(bench.origin.probes, 1)
    const update = await child.whenHeard('taskUpdate', (news) => news.signedManifest.length > 0)
    assert.deepEqual(Buffer.from(update.signedManifest), Buffer.from(signedManifest))
    await bench.stop()
  })

  it('believes enough peers that agree, and not one alone', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, content)
    const first = bench.peer()
    const taskId = first.announce(URL_A, content)
    assert.equal(piecesOf(bench, taskId, first.id), 0)
    const second = bench.peer()
    second.announce(URL_A, content)
    assert.equal(piecesOf(bench, taskId, first.id), 3)
    assert.equal(piecesOf(bench, taskId, second.id), 3)
    await download(bench.peer(), content)
    assert.equal(bench.cdn.obtained.length, 0)
    await bench.stop()
  })

  it('does not count one peer twice', async () => {
    const bench = createControlBench()
    const peer = bench.peer()
    const taskId = peer.announce(URL_A, content)
    peer.announce(URL_A, content)
    assert.equal(piecesOf(bench, taskId, peer.id), 0)
    await bench.stop()
  })

  it('gives nothing for the manifest of another supernode', async () => {
    const bench = createControlBench()
    const other = createControlBench({ identity: createIdentity() })
    const peer = bench.peer()
    const taskId = peer.announce(URL_A, content, { signedManifest: await manifestFrom(other, content) })
    assert.equal(swarmOf(bench, taskId).content.digestCount, 0)
    await other.stop()
    await bench.stop()
  })

  it('fetches through the CDN what no peer can be believed to hold, and then believes those who agree', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, content)
    const holder = bench.peer()
    const taskId = holder.announce(URL_A, content)
    const liar = bench.peer()
    liar.announce(URL_A, { ...content, bytes: Buffer.alloc(content.bytes.length, 7) })
    await bench.peer().register({ url: URL_A })
    assert.equal(bench.cdn.obtained.length, 1)
    bench.cdn.tasks.get(taskId)?.storePiece(0)
    assert.equal(piecesOf(bench, taskId, holder.id), 1)
    assert.equal(piecesOf(bench, taskId, liar.id), 0)
    await bench.stop()
  })

  it('fetches the new content when the origin has another one, and tells those who have the old', async () => {
    const bench = createControlBench()
    const newer = largeContent(3, { etag: '"v2"' })
    bench.cdn.contents.set(URL_A, newer)
    const holder = bench.peer()
    const taskId = holder.announce(URL_A, content, { signedManifest: await manifestFrom(bench, content) })
    bench.origin.answer = infoOf(newer, '"v2"')
    const answer = await bench.peer().register({ url: URL_A })
    assert.equal(answer.validators?.etag, '"v2"')
    assert.equal(bench.cdn.obtained.length, 1)
    assert.equal(swarmOf(bench, taskId).members.has(holder.id), false)
    await bench.stop()
  })

  it('serves from peers neither what the origin calls gone nor what it cannot be asked about', async () => {
    const bench = createControlBench()
    const signedManifest = await manifestFrom(bench, content)
    bench.peer().announce(URL_A, content, { signedManifest })
    bench.origin.answer = new DamselflyError('ORIGIN_NOT_FOUND', 'gone')
    assert.equal((await bench.peer().register({ url: URL_A })).errorCode, 'ORIGIN_NOT_FOUND')
    bench.origin.answer = new DamselflyError('ORIGIN_UNREACHABLE', 'down')
    assert.equal((await bench.peer().register({ url: URL_A })).errorCode, 'ORIGIN_UNREACHABLE')
    await bench.stop()
  })

  it('asks for credentials again for what a peer calls private', async () => {
    const bench = createControlBench()
    bench.cdn.refusal = new DamselflyError('ORIGIN_UNAUTHORIZED', 'no')
    const guarded = { ...content, authorization: 'Bearer good' }
    bench.cdn.contents.set(URL_A, guarded)
    const signedManifest = await manifestFrom(bench, content)
    bench.peer().announce(URL_A, content, { signedManifest, isPrivate: true })
    assert.equal((await bench.peer().register({ url: URL_A })).errorCode, 'ORIGIN_UNAUTHORIZED')
    const credentials = [{ name: 'authorization', value: 'Bearer good' }]
    assert.equal((await bench.peer().register({ url: URL_A }, { credentials })).errorCode, '')
    assert.equal(bench.cdn.obtained.length, 0)
    await bench.stop()
  })
})

describe('pieces that peers fetched from the origin themselves', () => {
  const content = largeContent(2)

  async function twoChildren(): Promise<{ bench: ControlBench; taskId: TaskId; a: FakePeer; b: FakePeer }> {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, content)
    const [a, b] = [bench.peer(), bench.peer()]
    const taskId = taskIdFromBytes((await a.register({ url: URL_A })).taskId)
    await b.register({ url: URL_A })
    return { bench, taskId, a, b }
  }

  it('count at once when their digest is known', async () => {
    const { bench, taskId, a } = await twoChildren()
    bench.cdn.tasks.get(taskId)?.storePiece(0)
    a.stored(taskId, 0, digestOf(content, 0))
    assert.equal(piecesOf(bench, taskId, a.id), 1)
    await bench.stop()
  })

  it('do not count with a wrong digest', async () => {
    const { bench, taskId, a } = await twoChildren()
    bench.cdn.tasks.get(taskId)?.storePiece(0)
    a.stored(taskId, 0, sha256(Buffer.from('wrong')))
    assert.equal(piecesOf(bench, taskId, a.id), 0)
    await bench.stop()
  })

  it('count when two peers vouch for the same digest, which then is told to everybody', async () => {
    const { bench, taskId, a, b } = await twoChildren()
    a.stored(taskId, 1, digestOf(content, 1))
    await settle()
    assert.equal(b.digests.size, 0)
    b.stored(taskId, 1, digestOf(content, 1))
    bench.clock.advance(250)
    await Promise.all([a.whenDigests(1), b.whenDigests(1)])
    assert.equal(piecesOf(bench, taskId, a.id), 1)
    assert.equal(piecesOf(bench, taskId, b.id), 1)
    await bench.stop()
  })

  it('give way to what the CDN finds', async () => {
    const { bench, taskId, a, b } = await twoChildren()
    const wrong = sha256(Buffer.from('both lie'))
    a.stored(taskId, 0, wrong)
    b.stored(taskId, 0, wrong)
    bench.cdn.tasks.get(taskId)?.storePiece(0)
    await a.whenHeard('taskUpdate', ({ digests }) => digests.some(({ digest }) => Buffer.compare(digest, digestOf(content, 0)) === 0))
    await bench.stop()
  })

  it('of a content given by its digest count only between callers of the same origin', async () => {
    const bench = createControlBench()
    const digest = sha256(content.bytes)
    bench.cdn.contents.set(URL_A, content)
    const child = bench.peer()
    const taskId = taskIdFromBytes((await child.register({ url: URL_A, digest })).taskId)
    const [first, second] = [bench.peer(), bench.peer()]
    for (const stranger of [first, second]) stranger.announce(URL_B, content, { digest, pieces: [0] })
    assert.equal(swarmOf(bench, taskId).content.digestCount, 0)
    bench.cdn.tasks.get(taskId)?.finish()
    assert.equal(piecesOf(bench, taskId, first.id), 1)
    await bench.stop()
  })
})

describe('pieces that a child says it holds already', () => {
  it('count as soon as their digests are known, if the layout is the same', async () => {
    const bench = createControlBench()
    const content = largeContent(3)
    bench.cdn.contents.set(URL_A, content)
    const layout = { heldContentLength: BigInt(content.bytes.length), heldPieceSize: content.pieceSize }
    const child = bench.peer()
    const answer = await child.register({ url: URL_A }, { ...layout, held: Uint8Array.of(0b1010_0000) })
    const taskId = taskIdFromBytes(answer.taskId)
    const other = bench.peer()
    await other.register({ url: URL_A }, { ...layout, heldPieceSize: 1000, held: Uint8Array.of(0xff) })
    assert.equal(piecesOf(bench, taskId, child.id), 0)
    bench.cdn.tasks.get(taskId)?.finish()
    assert.equal(piecesOf(bench, taskId, child.id), 2)
    assert.equal(piecesOf(bench, taskId, other.id), 0)
    await bench.stop()
  })
})

describe('children who are left without a parent', () => {
  it('get the content from the origin again when the last holder leaves', async () => {
    const bench = createControlBench()
    const content = largeContent(3)
    bench.cdn.contents.set(URL_A, content)
    const holder = bench.peer()
    holder.announce(URL_A, content, { signedManifest: await manifestFrom(bench, content) })
    const child = bench.peer()
    await child.register({ url: URL_A })
    assert.equal(bench.cdn.obtained.length, 0)
    holder.channel.hangUp()
    await bench.cdn.whenObtained(1)
    assert.equal(bench.cdn.obtained[0]?.credentials.size, 0)
    await bench.stop()
  })

  it('get it from the origin when all who hold it fail them', async () => {
    const bench = createControlBench()
    const content = largeContent(1)
    bench.cdn.contents.set(URL_A, content)
    const holder = bench.peer()
    holder.announce(URL_A, content, { signedManifest: await manifestFrom(bench, content) })
    const child = bench.peer()
    const taskId = taskIdFromBytes((await child.register({ url: URL_A })).taskId)
    const fail = (): void => {
      child.want(taskId, 1)
      const value = { taskId: Buffer.from(taskId, 'hex'), index: 0, parent: holder.id, reason: 'PIECE_CORRUPT', message: '' }
      child.say({ case: 'pieceFailed', value })
    }
    for (let second = 0; second < 60 && bench.cdn.obtained.length === 0; second++) {
      fail()
      bench.clock.advance(1000)
      await settle()
    }
    assert.equal(bench.cdn.obtained.length, 1)
    await bench.stop()
  })

  it('do not wait for holders that send nothing', async () => {
    const bench = createControlBench()
    const content = largeContent(2)
    bench.cdn.contents.set(URL_A, content)
    bench.peer({ uploadSlots: 0 }).announce(URL_A, content, { signedManifest: await manifestFrom(bench, content) })
    await bench.peer().register({ url: URL_A })
    assert.equal(bench.cdn.obtained.length, 1)
    await bench.stop()
  })
})
