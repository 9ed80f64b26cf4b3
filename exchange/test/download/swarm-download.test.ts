import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DamselflyError, isDamselflyError, sha256, taskIdToBytes, type Priority } from '@damselfly/shared'
import { createIdentity } from '../../src/identity/private-key.ts'
import { turns } from '../control/scripted-supernode.ts'
import { PIECE, SwarmBench } from './swarm-bench.ts'

describe('a download from the swarm', () => {
  let bench: SwarmBench

  beforeEach(async () => {
    bench = await SwarmBench.create(randomBytes(5 * PIECE + 17))
    await bench.connect()
  })

  afterEach(() => bench.stop())

  it('asks for as many pieces as the supernode wishes, fetches what it is assigned, and reports', async () => {
    const [one, other, cdn] = [bench.parent(), bench.parent(), bench.parent({ isCdn: true })]
    bench.schedule(one, other, cdn)
    const { task, finished } = bench.begin()
    await bench.answer()
    await bench.supernode.whenHeard('pieceDone', bench.pieceCount)
    bench.tellManifest()
    await bench.assertContent(await finished)
    assert.equal(bench.supernode.all('want')[0]?.count, 8)
    const done = bench.supernode.all('pieceDone')
    assert.deepEqual(done.map(({ index }) => index).toSorted((a, b) => a - b), bench.indexes)
    assert.equal(done.reduce((sum, { bytes }) => sum + bytes, 0), bench.content.length)
    const { bytesFrom, verifiedBytes, inFlightBytes, backToSource } = task.progress()
    assert.deepEqual(bytesFrom, { held: 0, peers: 4 * PIECE, cdn: PIECE + 17, origin: 0 })
    assert.deepEqual([verifiedBytes, inFlightBytes, backToSource], [bench.content.length, 0, undefined])
    assert.deepEqual(one.tickets.map((ticket) => Buffer.from(ticket).toString()), [one.parent, one.parent])
    assert.equal(bench.origin.requests, 0)
    await bench.supernode.whenHeard('leaveTask')
  })

  it('asks for one more for each assignment, however it ends, and exactly once', async () => {
    const [good, bad, stranger] = [bench.parent(), bench.parent(), bench.parent()]
    bad.onRequest = () => undefined
    bench.begin()
    await bench.answer()
    bench.introduce(good, bad)
    const wanted = (): number => bench.supernode.all('want').reduce((sum, { count }) => sum + count, 0)
    bench.assign(good, 0)
    bench.assign(bad, 1, 2)
    await bad.whenAsked(2)
    // The same again, from somebody else too, what is here already, and from somebody who was never introduced.
    bench.assign(bad, 1)
    bench.assign(good, 2)
    await bench.supernode.whenHeard('pieceDone')
    bench.assign(good, 0)
    bench.assign(stranger, 3)
    const [first] = bench.supernode.all('want')
    bench.cancel(bad, 1)
    bench.cancel(bad, 1)
    bench.cancel(good, 4)
    ;(await bad.whenAsked(2)).fail(new DamselflyError('CHANNEL_CLOSED', 'gone'))
    await bench.supernode.whenHeard('pieceFailed', 5)
    await turns()
    const assigned = 7
    assert.equal(wanted(), (first?.count ?? 0) + assigned)
  })

  it('asks for no more than its limit lets in soon, which leaves slots of its parents to others, and for more once it is lifted', async () => {
    const parent = bench.parent()
    bench.limiter.limitTask(bench.taskId, PIECE)
    bench.begin()
    await bench.answer()
    bench.introduce(parent)
    const wanted = (): number => bench.supernode.all('want').reduce((sum, { count }) => sum + count, 0)
    await bench.supernode.whenHeard('want')
    assert.equal(wanted(), 2)
    bench.assign(parent, 0)
    await bench.supernode.whenHeard('want', 2)
    assert.equal(wanted(), 3)
    bench.limiter.limitTask(bench.taskId, undefined)
    bench.assign(parent, 1)
    await bench.supernode.whenHeard('want', 3)
    assert.equal(wanted(), 10)
  })

  it('asks as background where nobody waits, or a rule of the supernode says so', async () => {
    const parent = bench.parent()
    let priority: Priority = 'background'
    bench.begin({ priority: () => priority })
    await bench.answer()
    bench.introduce(parent)
    bench.assign(parent, 0)
    await bench.supernode.whenHeard('want', 2)
    priority = 'foreground'
    bench.assign(parent, 1)
    await bench.supernode.whenHeard('want', 3)
    bench.tell({ ruledPriority: 'background' })
    bench.assign(parent, 2)
    await bench.supernode.whenHeard('want', 4)
    bench.tell({ ruledPriority: 'any' })
    bench.assign(parent, 3)
    await bench.supernode.whenHeard('want', 5)
    assert.deepEqual(parent.priorities, ['background', 'foreground', 'background', 'foreground'])
    assert.deepEqual(bench.supernode.all('want').map(({ background }) => background), [true, true, false, false, false])
  })

  it('takes assignments, parents and digests that come before the answer to its registration', async () => {
    const parent = bench.parent()
    bench.introduce(parent)
    const { finished } = bench.begin()
    await bench.supernode.whenHeard('register')
    bench.introduce(parent)
    bench.tellDigests(...bench.indexes)
    bench.assign(parent, ...bench.indexes)
    bench.tellManifest()
    await bench.answer()
    await bench.assertContent(await finished)
  })

  it('takes digests after the assignments, or none but theirs', async () => {
    const parent = bench.parent()
    const { finished } = bench.begin()
    await bench.answer()
    bench.introduce(parent)
    bench.assign(parent, 0, 1, 2)
    bench.tellDigests(0, 4)
    bench.assign(parent, 3, 4, 5)
    await bench.supernode.whenHeard('pieceDone', 6)
    bench.tellManifest()
    await bench.assertContent(await finished)
  })

  it('learns late how long the content is', async () => {
    const parent = bench.parent()
    const { task, finished } = bench.begin()
    await bench.answer({ isLengthUnknown: true })
    bench.introduce(parent)
    bench.assign(parent, 0, 1, 2)
    await bench.supernode.whenHeard('pieceDone', 3)
    assert.equal(task.progress().contentLength, undefined)
    bench.tell({ contentLength: BigInt(bench.content.length) })
    bench.assign(parent, 3, 4, 5)
    bench.tellManifest()
    await bench.assertContent(await finished)
  })

  it('ends when the length shows that everything is here', async () => {
    const whole = await SwarmBench.create(randomBytes(3 * PIECE))
    await whole.connect()
    const parent = whole.parent()
    const { finished } = whole.begin()
    await whole.answer({ isLengthUnknown: true })
    whole.introduce(parent)
    whole.assign(parent, 0, 1, 2)
    await whole.supernode.whenHeard('pieceDone', 3)
    whole.tell({ contentLength: BigInt(3 * PIECE) })
    whole.tellManifest()
    await whole.assertContent(await finished)
    await whole.stop()
  })

  it('takes a small content from the answer itself', async () => {
    const small = await SwarmBench.create(Buffer.from('a small content'))
    await small.connect()
    const { task, finished } = small.begin()
    await small.answer({ content: small.content })
    small.tellManifest()
    await small.assertContent(await finished)
    assert.deepEqual(task.progress().bytesFrom, { held: 0, peers: 0, cdn: small.content.length, origin: 0 })
    assert.equal(small.supernode.all('want').length, 0)
    await small.stop()
  })

  it('is over at once when the content is empty', async () => {
    const empty = await SwarmBench.create(new Uint8Array())
    await empty.connect()
    const { finished } = empty.begin()
    await empty.answer({ content: new Uint8Array() })
    empty.tellManifest()
    await empty.assertContent(await finished)
    await empty.stop()
  })

  it('does not trust content in the answer that contradicts the digests, and asks the origin', async () => {
    const small = await SwarmBench.create(Buffer.from('a small content'))
    await small.connect()
    const { task, finished } = small.begin()
    await small.supernode.whenHeard('register')
    small.tellDigests(0)
    await small.answer({ content: Buffer.from('another content') })
    await small.assertContent(await finished)
    assert.equal(task.progress().backToSource, 'supernode-refused')
    await small.stop()
  })

  it('is finished with its last piece, whether or not a manifest has come', async () => {
    const parent = bench.parent()
    bench.schedule(parent)
    const { finished } = bench.begin()
    await bench.answer()
    const { contentDigest, ...result } = await finished
    assert.equal(contentDigest, undefined)
    await bench.assertContent({ contentDigest, ...result })
  })

  it('hashes the whole itself when the caller gave its digest', async () => {
    const parent = bench.parent()
    const digest = sha256(bench.content)
    const { finished } = bench.begin({ identity: { digest } })
    await bench.answer()
    bench.introduce(parent)
    bench.assign(parent, ...bench.indexes)
    const result = await finished
    assert.deepEqual(result.contentDigest, digest)
    await bench.assertContent(result)
  })

  it('leaves a manifest aside that another than its supernode signed', async () => {
    const parent = bench.parent()
    bench.schedule(parent)
    const { finished } = bench.begin()
    await bench.answer()
    bench.tellManifest(randomBytes(bench.content.length), createIdentity())
    await bench.supernode.whenHeard('pieceDone', bench.pieceCount)
    await bench.pass(1100)
    await bench.assertContent(await finished)
  })

  it('answers for an assignment that is needless', async () => {
    const [first, second] = [bench.parent(), bench.parent()]
    first.onRequest = () => undefined
    const { finished } = bench.begin()
    await bench.answer()
    await bench.supernode.whenHeard('want')
    bench.introduce(first, second)
    bench.assign(first, 0)
    const request = await first.whenAsked(0)
    bench.assign(first, 0)
    bench.assign(second, 0)
    const [needless] = await bench.supernode.whenHeard('pieceFailed')
    assert.deepEqual([needless?.index, needless?.parent, needless?.reason], [0, second.parent, 'CANCELLED'])
    request.serve()
    await bench.supernode.whenHeard('pieceDone')
    bench.assign(second, 0)
    await bench.supernode.whenHeard('pieceStored')
    await bench.supernode.whenHeard('pieceFailed', 2)
    assert.deepEqual(second.asked, [])
    // One credit comes back for each of the four, however it ended.
    await turns()
    assert.deepEqual(bench.supernode.all('want').map(({ count }) => count), [8, 1, 1, 1, 1])
    bench.assign(second, 1, 2, 3, 4, 5)
    bench.tellManifest()
    await bench.assertContent(await finished)
  })

  it('lets go of a piece that the supernode takes back', async () => {
    const parent = bench.parent()
    parent.onRequest = () => undefined
    bench.begin()
    await bench.answer()
    bench.introduce(parent)
    bench.assign(parent, 3)
    const request = await parent.whenAsked(3)
    bench.cancel(parent, 2)
    bench.cancel(parent, 3)
    const [failed] = await bench.supernode.whenHeard('pieceFailed')
    assert.deepEqual([failed?.index, failed?.reason], [3, 'CANCELLED'])
    assert.equal(request.isOpen, false)
    bench.assign(parent, 3)
    await parent.whenAsked(3, 2)
  })

  it('reports a parent that was never introduced', async () => {
    bench.begin()
    await bench.answer()
    bench.assign(bench.parent(), 0)
    const [failed] = await bench.supernode.whenHeard('pieceFailed')
    assert.equal(failed?.reason, 'PEER_UNREACHABLE')
  })

  it('reports an assignment past the end of the content', async () => {
    const parent = bench.parent()
    bench.begin()
    await bench.answer()
    bench.introduce(parent)
    const digest = sha256(Buffer.from('nothing'))
    bench.supernode.say({ case: 'assign', value: { taskId: taskIdToBytes(bench.taskId), index: 6, parent: parent.parent, digest } })
    const [failed] = await bench.supernode.whenHeard('pieceFailed')
    assert.equal(failed?.index, 6)
    assert.deepEqual(parent.asked, [])
  })

  it('continues with what it held, and tells so', async () => {
    const parent = bench.parent()
    const first = bench.begin()
    await bench.answer()
    bench.introduce(parent)
    bench.assign(parent, 1, 3)
    await bench.supernode.whenHeard('pieceDone', 2)
    first.cancel(new DamselflyError('CANCELLED', 'enough'))
    await assert.rejects(first.finished, (error) => isDamselflyError(error, 'CANCELLED'))
    first.task.end()
    const { task, finished } = bench.begin()
    await bench.answer()
    const register = (await bench.supernode.whenHeard('register', 2)).at(-1)
    assert.equal(register?.heldContentLength, BigInt(bench.content.length))
    assert.deepEqual([...(register?.held ?? [])], [0b0101_0000])
    bench.introduce(parent)
    bench.assign(parent, 0, 2, 4, 5)
    bench.tellManifest()
    await bench.assertContent(await finished)
    assert.deepEqual(task.progress().bytesFrom, { held: 2 * PIECE, peers: 3 * PIECE + 17, cdn: 0, origin: 0 })
  })

  it('ends at once when it is cancelled, leaving no claim, timer or listener behind', async () => {
    const parent = bench.parent()
    parent.onRequest = () => undefined
    const { finished, cancel, task } = bench.begin()
    const pending = bench.clock.pending
    await bench.answer()
    bench.introduce(parent)
    bench.assign(parent, 0, 1, 2)
    const request = await parent.whenAsked(2)
    request.give(1000)
    cancel(new DamselflyError('CANCELLED', 'enough'))
    await assert.rejects(finished, (error) => isDamselflyError(error, 'CANCELLED'))
    task.end()
    assert.equal(parent.open, 0)
    assert.equal(task.progress().inFlightBytes, 0)
    assert.ok(bench.clock.pending <= pending)
    await bench.store.delete(bench.taskId)
    assert.deepEqual(bench.store.list(), [])
  })
})
