import assert from 'node:assert/strict'
import { DamselflyError, sha256, taskIdFromBytes, taskIdToBytes } from '@damselfly/shared'
import { contentDigestOf, verifyManifest, verifyTicket } from '@damselfly/exchange'
import { createControlBench, largeContent, settle } from './control-bench.ts'
import { digestOf, type FakeCdnTask } from './fake-cdn.ts'

const URL_A = 'https://a.example/file'
const URL_B = 'https://b.example/mirror/file'

describe('a registration', () => {
  it('starts the fetch, answers with the layout, and tells digests as they become known', async () => {
    const bench = createControlBench()
    const content = largeContent(3, { etag: '"v1"' })
    bench.cdn.contents.set(URL_A, content)
    const peer = bench.peer()
    const answer = await peer.register({ url: URL_A })
    assert.equal(answer.errorCode, '')
    assert.equal(answer.contentLength, BigInt(content.bytes.length))
    assert.equal(answer.pieceSize, content.pieceSize)
    assert.equal(answer.validators?.etag, '"v1"')
    assert.equal(answer.content, undefined)
    const taskId = taskIdFromBytes(answer.taskId)
    const task = bench.cdn.tasks.get(taskId) as FakeCdnTask
    task.storePiece(1)
    await peer.whenDigests(1)
    assert.deepEqual(Buffer.from(peer.digests.get(1) ?? []), Buffer.from(digestOf(content, 1)))
    task.finish()
    const { signedManifest } = await peer.whenHeard('taskUpdate', (update) => update.signedManifest.length > 0)
    const manifest = verifyManifest(signedManifest, new Set([bench.identity.peerId]))
    assert.equal(manifest.contentLength, BigInt(content.bytes.length))
    assert.equal(contentDigestOf(manifest), undefined)
    assert.equal(peer.digests.size, 3)
    await bench.stop()
    assert.equal(task.listenerCount, 0)
  })

  it('shares one fetch among callers who come at the same time', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const peers = [bench.peer(), bench.peer(), bench.peer()]
    const answers = await Promise.all(peers.map((peer) => peer.register({ url: URL_A })))
    assert.deepEqual(answers.map((answer) => answer.errorCode), ['', '', ''])
    assert.equal(bench.cdn.obtained.length, 1)
    await bench.stop()
  })

  it('assigns pieces of the CDN with a ticket that the parent accepts, and parents only once', async () => {
    const bench = createControlBench()
    const content = largeContent(3)
    bench.cdn.contents.set(URL_A, content)
    const peer = bench.peer()
    const taskId = taskIdFromBytes((await peer.register({ url: URL_A })).taskId)
    peer.want(taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    await peer.whenHeard('assign', () => peer.all('assign').length === 3)
    const parents = peer.all('parent')
    assert.equal(parents.length, 1)
    assert.equal(parents[0]?.isCdn, true)
    const expected = { supernodes: new Set([bench.identity.peerId]), child: peer.id, parent: bench.identity.peerId }
    const grant = verifyTicket(parents[0]?.signedTicket ?? new Uint8Array(), { ...expected, now: bench.clock.wallTime() })
    assert.equal(grant.taskId, taskId)
    for (const { index, digest } of peer.all('assign')) {
      assert.deepEqual(Buffer.from(digest), Buffer.from(digestOf(content, index)))
    }
    await bench.stop()
  })

  it('carries a small content and its digests in the answer', async () => {
    const bench = createControlBench()
    const content = { bytes: Buffer.from('hello'), pieceSize: 1024 }
    bench.cdn.contents.set(URL_A, content)
    const peer = bench.peer()
    const answering = peer.register({ url: URL_A })
    await bench.cdn.whenObtained(1)
    await settle()
    for (const task of bench.cdn.tasks.values()) task.finish()
    assert.equal(Buffer.from((await answering).content ?? []).toString(), 'hello')
    await peer.whenDigests(1)
    await bench.stop()
  })

  it('gives an empty content as an empty one, not as none', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, { bytes: new Uint8Array(), pieceSize: 1024 })
    const peer = bench.peer()
    const answering = peer.register({ url: URL_A })
    await bench.cdn.whenObtained(1)
    await settle()
    for (const task of bench.cdn.tasks.values()) task.finish()
    const answer = await answering
    assert.equal(answer.content?.length, 0)
    assert.equal(answer.contentLength, 0n)
    await bench.stop()
  })

  it('does not wait longer than two seconds for a small content', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, { bytes: Buffer.from('slow'), pieceSize: 1024 })
    const peer = bench.peer()
    const answering = peer.register({ url: URL_A })
    await bench.cdn.whenObtained(1)
    await settle()
    assert.equal(peer.all('registered').length, 0)
    bench.clock.advance(2000)
    assert.equal((await answering).content, undefined)
    await bench.stop()
  })

  it('gives signs of life while a small content comes in', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, { bytes: Buffer.from('slow'), pieceSize: 1024 })
    const [first, second] = [bench.peer(), bench.peer()]
    const answering = [first.register({ url: URL_A })]
    await bench.cdn.whenObtained(1)
    answering.push(second.register({ url: URL_A }))
    await settle()
    bench.clock.advance(400)
    for (const peer of [first, second]) await peer.whenHeard('taskUpdate')
    bench.clock.advance(1600)
    await Promise.all(answering)
    await bench.stop()
  })

  it('tells the length of a content as soon as it is known', async () => {
    const bench = createControlBench()
    const content = largeContent(2, { lengthIsKnown: false })
    bench.cdn.contents.set(URL_A, content)
    const peer = bench.peer()
    const answer = await peer.register({ url: URL_A })
    assert.equal(answer.contentLength, undefined)
    bench.cdn.tasks.get(taskIdFromBytes(answer.taskId))?.tellLength()
    const update = await peer.whenHeard('taskUpdate', ({ contentLength }) => contentLength !== undefined)
    assert.equal(update.contentLength, BigInt(content.bytes.length))
    await bench.stop()
  })

  it('answers with the code of what went wrong at the origin', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, new DamselflyError('ORIGIN_NOT_FOUND', 'gone'))
    const answer = await bench.peer().register({ url: URL_A })
    assert.equal(answer.errorCode, 'ORIGIN_NOT_FOUND')
    assert.equal(answer.errorMessage, 'gone')
    await bench.stop()
  })

  it("does not pass the supernode's own troubles off as the peer's", async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, new DamselflyError('DISK_FULL', 'cannot write /var/lib/secret/path'))
    const answer = await bench.peer().register({ url: URL_A })
    assert.equal(answer.errorCode, 'SUPERNODE_OVERLOADED')
    assert.doesNotMatch(answer.errorMessage, /secret/)
    await bench.stop()
  })

  it('refuses what it cannot understand without ending the channel', async () => {
    const bench = createControlBench()
    const peer = bench.peer()
    assert.equal((await peer.register({ url: 'not a url' })).errorCode, 'URL_REFUSED')
    const headers = [{ name: 'Authorization', value: 'Bearer x' }]
    assert.equal((await peer.register({ url: URL_A, headers })).errorCode, 'USAGE')
    assert.equal((await peer.register({ url: URL_A }, { order: 'random' })).errorCode, 'PROTOCOL')
    assert.equal(peer.channel.isEnded, false)
    await bench.stop()
  })

  it('tells everybody when the content spoils, and fetches anew for the next caller', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const peer = bench.peer()
    const taskId = taskIdFromBytes((await peer.register({ url: URL_A })).taskId)
    const spoilt = new DamselflyError('ORIGIN_CHANGED', 'it changed')
    bench.cdn.tasks.get(taskId)?.end({ type: 'failed', error: spoilt })
    const update = await peer.whenHeard('taskUpdate', ({ errorCode }) => errorCode !== '')
    assert.equal(update.errorCode, 'ORIGIN_CHANGED')
    assert.equal((await bench.peer().register({ url: URL_A })).errorCode, '')
    assert.equal(bench.cdn.obtained.length, 2)
    await bench.stop()
  })

  it('sends the children to the origin when it fails only for the CDN', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const peer = bench.peer()
    const taskId = taskIdFromBytes((await peer.register({ url: URL_A })).taskId)
    peer.want(taskId)
    bench.cdn.tasks.get(taskId)?.end({ type: 'failed', error: new DamselflyError('ORIGIN_SHORT', 'cut') })
    assert.equal((await peer.whenHeard('backToSource')).reason, 'origin-failed')
    assert.equal(peer.all('taskUpdate').some(({ errorCode }) => errorCode !== ''), false)
    await bench.stop()
  })

  it('lets children hope again once the origin answers again', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const first = bench.peer()
    const taskId = taskIdFromBytes((await first.register({ url: URL_A })).taskId)
    bench.cdn.tasks.get(taskId)?.end({ type: 'failed', error: new DamselflyError('ORIGIN_SHORT', 'cut') })
    const second = bench.peer()
    await second.register({ url: URL_A })
    second.want(taskId)
    await settle()
    assert.equal(second.all('backToSource').length, 0)
    bench.cdn.tasks.get(taskId)?.storePiece(0)
    assert.equal((await second.whenHeard('assign')).index, 0)
    await bench.stop()
  })

  it('gathers digests for a moment, since an assignment brings its own', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(4))
    const peer = bench.peer()
    const taskId = taskIdFromBytes((await peer.register({ url: URL_A })).taskId)
    peer.want(taskId)
    // The length is told at once, with whatever else is known by then.
    await settle()
    for (const piece of [2, 0]) {
      bench.cdn.tasks.get(taskId)?.storePiece(piece)
      const { digest } = await peer.whenHeard('assign', ({ index }) => index === piece)
      assert.equal(digest.length, 32)
    }
    bench.clock.advance(249)
    await settle()
    assert.equal(peer.digests.size, 0)
    bench.clock.advance(1)
    await peer.whenDigests(2)
    assert.equal(peer.all('taskUpdate').filter(({ digests }) => digests.length > 0).length, 1)
    await bench.stop()
  })

  it('gives signs of life while nothing can be assigned', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const gate = Promise.withResolvers<void>()
    bench.cdn.gate = gate.promise
    const peer = bench.peer()
    const answering = peer.register({ url: URL_A })
    await bench.cdn.whenObtained(1)
    bench.clock.advance(400)
    await peer.whenHeard('taskUpdate')
    gate.resolve()
    const taskId = taskIdFromBytes((await answering).taskId)
    const before = peer.all('taskUpdate').length
    bench.clock.advance(400)
    await peer.whenHeard('taskUpdate', () => peer.all('taskUpdate').length > before)
    bench.cdn.tasks.get(taskId)?.storePiece(0)
    peer.want(taskId)
    await peer.whenHeard('assign')
    const signsOfLife = (): number => peer.all('taskUpdate').filter(({ digests }) => digests.length === 0).length
    const busy = signsOfLife()
    bench.clock.advance(2000)
    await settle()
    assert.equal(signsOfLife(), busy)
    await bench.stop()
  })

  it('gives signs of life again to those who come back to a task that lay idle', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    for (let time = 1; time <= 2; time++) {
      const peer = bench.peer()
      const taskId = taskIdFromBytes((await peer.register({ url: URL_A })).taskId)
      bench.clock.advance(400)
      await peer.whenHeard('taskUpdate')
      peer.say({ case: 'leaveTask', value: { taskId: taskIdToBytes(taskId) } })
      await settle()
      const told = peer.all('taskUpdate').length
      bench.clock.advance(4000)
      await settle()
      assert.equal(peer.all('taskUpdate').length, told)
    }
    await bench.stop()
  })
})

describe('a complete content', () => {
  it('is fetched anew when it has changed at the origin, and those who still fetch the old one are told', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2, { etag: '"v1"' }))
    const early = bench.peer()
    const taskId = taskIdFromBytes((await early.register({ url: URL_A })).taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    // The CDN finds out when it is asked again, and forgets the old content.
    bench.cdn.tasks.delete(taskId)
    bench.cdn.contents.set(URL_A, largeContent(2, { etag: '"v2"' }))
    const late = await bench.peer().register({ url: URL_A })
    assert.equal(late.validators?.etag, '"v2"')
    const update = await early.whenHeard('taskUpdate', ({ errorCode }) => errorCode !== '')
    assert.equal(update.errorCode, 'ORIGIN_CHANGED')
    await bench.stop()
  })

  it('is not given out any more once the origin refuses it', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const taskId = taskIdFromBytes((await bench.peer().register({ url: URL_A })).taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    bench.cdn.tasks.delete(taskId)
    bench.cdn.contents.set(URL_A, new DamselflyError('ORIGIN_NOT_FOUND', 'gone'))
    assert.equal((await bench.peer().register({ url: URL_A })).errorCode, 'ORIGIN_NOT_FOUND')
    await bench.stop()
  })
})

describe('a private content', () => {
  const refusal = new DamselflyError('ORIGIN_UNAUTHORIZED', 'no')
  const credentials = [{ name: 'Authorization', value: 'Bearer good' }]

  it('goes only to callers whose own credentials the origin accepts', async () => {
    const bench = createControlBench()
    bench.cdn.refusal = refusal
    bench.cdn.contents.set(URL_A, largeContent(2, { authorization: 'Bearer good' }))
    const owner = bench.peer()
    const answer = await owner.register({ url: URL_A }, { credentials })
    assert.equal(answer.privateContent, true)
    bench.cdn.tasks.get(taskIdFromBytes(answer.taskId))?.finish()
    const stranger = bench.peer()
    assert.equal((await stranger.register({ url: URL_A })).errorCode, 'ORIGIN_UNAUTHORIZED')
    assert.equal(stranger.digests.size, 0)
    assert.equal((await bench.peer().register({ url: URL_A }, { credentials })).errorCode, '')
    await bench.stop()
  })

  it('asks again with the credentials of the next caller when the first ones were refused', async () => {
    const bench = createControlBench()
    bench.cdn.refusal = refusal
    bench.cdn.contents.set(URL_A, largeContent(2, { authorization: 'Bearer good' }))
    const gate = Promise.withResolvers<void>()
    bench.cdn.gate = gate.promise
    const stranger = bench.peer().register({ url: URL_A })
    const owner = bench.peer().register({ url: URL_A }, { credentials })
    await bench.cdn.whenObtained(1)
    gate.resolve()
    assert.equal((await stranger).errorCode, 'ORIGIN_UNAUTHORIZED')
    assert.equal((await owner).errorCode, '')
    await bench.stop()
  })

  it('takes the user info of the URL as credentials and shows it to nobody', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const answer = await bench.peer().register({ url: 'https://me:secret@a.example/file' })
    assert.equal(answer.errorCode, '')
    const [asked] = bench.cdn.obtained
    assert.equal(asked?.spec.url, URL_A)
    assert.equal(asked?.credentials.get('authorization'), `Basic ${Buffer.from('me:secret').toString('base64')}`)
    await bench.stop()
  })
})

describe('a content given by its digest', () => {
  const content = largeContent(2)
  const digest = sha256(content.bytes)

  it('goes at once to callers of the same origin, and to others when it has been verified', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, content)
    const first = bench.peer()
    const answer = await first.register({ url: URL_A, digest })
    const friend = await bench.peer().register({ url: 'https://a.example/other-name', digest })
    assert.equal(friend.errorCode, '')
    const other = bench.peer()
    const waiting = other.register({ url: URL_B, digest })
    await settle()
    bench.clock.advance(400)
    await other.whenHeard('taskUpdate')
    assert.equal(other.all('registered').length, 0)
    assert.equal(other.digests.size, 0)
    bench.cdn.tasks.get(taskIdFromBytes(answer.taskId))?.finish()
    assert.equal((await waiting).errorCode, '')
    assert.equal(bench.cdn.obtained.length, 1)
    await bench.stop()
  })

  it("is tried with the waiting caller's own URL when the first one's lied", async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(3))
    bench.cdn.contents.set(URL_B, content)
    const liar = bench.peer()
    const answer = await liar.register({ url: URL_A, digest })
    const honest = bench.peer().register({ url: URL_B, digest })
    await settle()
    const mismatch = new DamselflyError('DIGEST_MISMATCH', 'another content')
    bench.cdn.tasks.get(taskIdFromBytes(answer.taskId))?.end({ type: 'failed', error: mismatch })
    assert.equal((await honest).errorCode, '')
    assert.equal(bench.cdn.obtained[1]?.spec.url, URL_B)
    const update = await liar.whenHeard('taskUpdate', ({ errorCode }) => errorCode !== '')
    assert.equal(update.errorCode, 'DIGEST_MISMATCH')
    await bench.stop()
  })
})
