import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DamselflyError, isDamselflyError } from '@damselfly/shared'
import { turns } from '../control/scripted-supernode.ts'
import type { FakeParent } from './fake-parent.ts'
import { PIECE, SwarmBench } from './swarm-bench.ts'

const PIECES = 6

describe('a download whose supernode is lost', () => {
  let bench: SwarmBench
  let peer: FakeParent
  let cdn: FakeParent

  beforeEach(async () => {
    bench = await SwarmBench.create(randomBytes(PIECES * PIECE))
    peer = bench.parent()
    cdn = bench.parent({ isCdn: true })
  })

  afterEach(() => bench.stop())

  const unreachable = new DamselflyError('SUPERNODE_UNREACHABLE', 'connection refused')

  /** The supernode is gone and does not come back by itself. */
  async function loseSupernode(): Promise<void> {
    bench.supernode.refusal = unreachable
    bench.supernode.drop()
    await bench.until(() => bench.control.state.type === 'disconnected')
  }

  /** It is there again. */
  async function restoreSupernode(): Promise<void> {
    bench.supernode.refusal = undefined
    await bench.passUntil(() => bench.supernode.isConnected)
  }

  it('asks parents that are known first, never its CDN, and the origin for the rest', async () => {
    await bench.connect()
    const { task, finished } = bench.begin()
    await bench.answer()
    await bench.supernode.whenHeard('want')
    bench.introduce(peer, cdn)
    bench.assign(cdn, 0)
    await bench.supernode.whenHeard('pieceDone')
    // Of pieces without a digest nothing can be taken from a peer.
    bench.tellDigests(1, 2, 3)
    await turns()
    peer.onRequest = (request) => (request.piece.index === 3 ? request.refuse() : request.serve())
    await loseSupernode()
    await bench.assertContent(await finished)
    assert.deepEqual(new Set(peer.asked), new Set([1, 2, 3]))
    assert.deepEqual(cdn.asked, [0])
    assert.deepEqual(task.progress().bytesFrom, { held: 0, peers: 2 * PIECE, cdn: PIECE, origin: 3 * PIECE })
    assert.equal(task.progress().backToSource, 'supernode-lost')
  })

  it('lets what is assigned end, and does not ask for it elsewhere', async () => {
    await bench.connect()
    const { task, finished } = bench.begin()
    await bench.answer()
    await bench.supernode.whenHeard('want')
    const slow = bench.parent()
    slow.onRequest = () => undefined
    bench.introduce(peer, slow)
    bench.tellDigests(...bench.indexes)
    bench.assign(slow, 0, 1)
    const [first, second] = [await slow.whenAsked(0), await slow.whenAsked(1)]
    await loseSupernode()
    await bench.until(() => task.progress().verifiedBytes === (PIECES - 2) * PIECE)
    first.serve()
    second.fail(new DamselflyError('CHANNEL_CLOSED', 'gone'))
    await bench.assertContent(await finished)
    assert.ok(!peer.asked.includes(0))
    assert.equal(task.progress().bytesFrom.origin, peer.asked.includes(1) ? 0 : PIECE)
  })

  it('leaves a parent alone that lies or fails again and again', async () => {
    await bench.connect()
    const { task, finished } = bench.begin()
    await bench.answer()
    await bench.supernode.whenHeard('want')
    const liar = bench.parent()
    liar.onRequest = (request) => request.lie()
    bench.introduce(liar)
    bench.tellDigests(...bench.indexes)
    await turns()
    await loseSupernode()
    await bench.assertContent(await finished)
    assert.ok(liar.asked.length <= 6, `${liar.asked.length} requests`)
    assert.equal(task.progress().bytesFrom.origin, bench.content.length)
  })

  it('fails at once when the disk is full', async () => {
    const full = await SwarmBench.create(bench.content, { diskBytes: PIECE / 2 })
    await full.connect()
    const { finished } = full.begin()
    await full.answer()
    await full.supernode.whenHeard('want')
    full.introduce(full.parent())
    full.tellDigests(...full.indexes)
    await turns()
    full.supernode.refusal = unreachable
    full.supernode.drop()
    await assert.rejects(finished, (error) => isDamselflyError(error, 'DISK_FULL'))
    assert.equal(full.origin.requests, 0)
    await full.stop()
  })

  it('goes on with the swarm when it is restored in the middle', async () => {
    await bench.connect()
    const { task, finished } = bench.begin()
    await bench.answer()
    await bench.supernode.whenHeard('want')
    const gate = Promise.withResolvers<void>()
    bench.origin.pauses.push({ after: 100_000, until: gate.promise })
    await loseSupernode()
    await bench.until(() => task.progress().inFlightBytes > 0)
    await restoreSupernode()
    bench.schedule(peer)
    await bench.answer()
    await bench.supernode.whenHeard('want')
    await bench.supernode.whenHeard('pieceDone')
    gate.resolve()
    await bench.until(() => task.progress().verifiedBytes === bench.content.length)
    bench.tellManifest()
    await bench.assertContent(await finished)
    assert.equal(task.progress().bytesFrom.origin, PIECE)
    assert.equal(task.progress().bytesFrom.peers, 5 * PIECE)
  })

  it('does not begin when it is restored before anything was missing for long', async () => {
    await bench.connect()
    const { finished } = bench.begin({ backToSource: false })
    await bench.answer()
    await bench.supernode.whenHeard('want')
    bench.introduce(peer)
    peer.onRequest = () => undefined
    bench.assign(peer, 0)
    await peer.whenAsked(0)
    await loseSupernode()
    await restoreSupernode()
    await bench.answer()
    await bench.supernode.whenHeard('want')
    // One is still open from before, so that with it there are eight.
    await bench.supernode.whenHeard('want', 2)
    assert.deepEqual(bench.supernode.all('want').map(({ count }) => count), [8, 7])
    peer.requests[0]?.serve()
    peer.onRequest = (request) => request.serve()
    bench.introduce(peer)
    bench.assign(peer, 1, 2, 3, 4, 5)
    bench.tellManifest()
    await bench.assertContent(await finished)
    assert.equal(bench.origin.requests, 0)
  })
})
