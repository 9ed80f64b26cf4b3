import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DamselflyError, isDamselflyError, ORIGIN_PEER } from '@damselfly/shared'
import { turns } from '../control/scripted-supernode.ts'
import type { FakeParent } from './fake-parent.ts'
import { PIECE, SwarmBench } from './swarm-bench.ts'

const PIECES = 6

describe('going back to the source', () => {
  let bench: SwarmBench
  let peer: FakeParent
  let cdn: FakeParent

  beforeEach(async () => {
    bench = await SwarmBench.create(randomBytes(PIECES * PIECE))
    peer = bench.parent()
    cdn = bench.parent({ isCdn: true })
  })

  afterEach(() => bench.stop())

  const alive = (): void => bench.tell({})
  const unreachable = new DamselflyError('SUPERNODE_UNREACHABLE', 'connection refused')

  /** The supernode is gone and does not come back by itself. */
  async function loseSupernode(): Promise<void> {
    bench.supernode.refusal = unreachable
    bench.supernode.drop()
    await bench.until(() => bench.control.state.type === 'disconnected')
  }

  describe('when the supernode says nothing', () => {
    it('begins after 1.5 s without an answer', async () => {
      await bench.connect()
      const { task, finished } = bench.begin()
      await bench.supernode.whenHeard('register')
      await bench.pass(1400)
      assert.equal(bench.origin.requests, 0)
      await bench.pass(200)
      await bench.assertContent(await finished)
      assert.equal(task.progress().backToSource, 'supernode-slow')
      assert.equal(bench.origin.bodyBytes, bench.content.length)
    })

    it('keeps to the limits of its task and of origins', async () => {
      for (const limit of ['task', 'origins'] as const) {
        const other = await SwarmBench.create(bench.content)
        other.supernode.refusal = unreachable
        await other.connect()
        const { task, finished } = other.begin()
        if (limit === 'task') other.limiter.limitTask(other.taskId, PIECE)
        else other.limiter.limitPeer(ORIGIN_PEER, PIECE)
        const took = await other.passUntil(() => task.progress().verifiedBytes === other.content.length)
        assert.ok(took >= 5500, `${took} ms for 6 s of bytes, with a limit of ${limit}`)
        await other.assertContent(await finished)
        await other.stop()
      }
    })

    it('begins at once when there is no supernode, and after 1.5 s when that is not known', async () => {
      bench.supernode.refusal = unreachable
      await bench.connect()
      const { task, finished } = bench.begin()
      await bench.assertContent(await finished)
      assert.equal(task.progress().backToSource, 'supernode-unreachable')

      const other = await SwarmBench.create(bench.content)
      other.supernode.gate = new Promise(() => undefined)
      other.control.start()
      const slow = other.begin()
      await turns()
      assert.equal(other.origin.requests, 0)
      await other.pass(1600)
      await other.assertContent(await slow.finished)
      assert.equal(slow.task.progress().backToSource, 'supernode-unreachable')
      await other.stop()
    })

    it('does not begin while it says that it is at work', async () => {
      await bench.connect()
      const { finished } = bench.begin()
      await bench.supernode.whenHeard('register')
      let fetched = 0n
      const fetching = (): void => bench.tell({ fetched: ++fetched })
      await bench.pass(100_000, fetching)
      await bench.answer()
      await bench.pass(100_000, fetching)
      assert.equal(bench.origin.requests, 0)
      bench.introduce(cdn)
      bench.assign(cdn, ...bench.indexes)
      bench.tellManifest()
      await bench.assertContent(await finished)
    })

    it('begins when it falls silent after the answer, or after the first pieces', async () => {
      await bench.connect()
      const { task, finished } = bench.begin()
      await bench.answer()
      await bench.supernode.whenHeard('want')
      await bench.pass(3000)
      bench.introduce(cdn)
      bench.assign(cdn, 0)
      await bench.supernode.whenHeard('pieceDone')
      await bench.pass(3800)
      assert.equal(bench.origin.requests, 0)
      await bench.pass(400)
      await bench.until(() => task.progress().verifiedBytes === bench.content.length)
      await bench.pass(1200)
      await bench.assertContent(await finished)
      assert.equal(bench.origin.bodyBytes, (PIECES - 1) * PIECE)
    })

    it('does not begin while pieces come, however silent it is', async () => {
      await bench.connect()
      const { finished } = bench.begin()
      await bench.answer()
      peer.onRequest = () => undefined
      bench.introduce(peer)
      bench.assign(peer, ...bench.indexes)
      await peer.whenAsked(PIECES - 1)
      for (const request of peer.requests) {
        await bench.pass(5000, () => request.give(30_000))
        request.serve()
      }
      assert.equal(bench.origin.requests, 0)
      bench.tellManifest()
      await bench.assertContent(await finished)
    })

    it('begins when it says for a minute that it is at work and nothing comes of it', async () => {
      await bench.connect()
      const { task, finished } = bench.begin()
      await bench.answer()
      const took = await bench.passUntil(() => bench.origin.requests > 0, alive)
      assert.ok(took >= 59_000 && took <= 61_000, `${took} ms`)
      await bench.until(() => task.progress().verifiedBytes === bench.content.length)
      bench.tellManifest()
      await bench.assertContent(await finished)
    })
  })

  describe('when assignments come while the origin is used', () => {
    it('stops there where a piece ends, and takes nothing twice', async () => {
      await bench.connect()
      const gate = Promise.withResolvers<void>()
      bench.origin.pauses.push({ after: 2 * PIECE + 100_000, until: gate.promise })
      const { task, finished } = bench.begin()
      await bench.supernode.whenHeard('register')
      await bench.pass(1600)
      await bench.until(() => task.progress().verifiedBytes === 2 * PIECE && task.progress().inFlightBytes > 0)
      bench.schedule(peer)
      await bench.answer()
      const held = (await bench.supernode.whenHeard('want')).length
      assert.equal(held, 1)
      await bench.until(() => task.progress().bytesFrom.peers > 0)
      gate.resolve()
      await bench.until(() => task.progress().verifiedBytes === bench.content.length)
      bench.tellManifest()
      await bench.assertContent(await finished)
      const { bytesFrom } = task.progress()
      assert.deepEqual(bytesFrom, { held: 0, peers: 3 * PIECE, cdn: 0, origin: 3 * PIECE })
      // What was under way in the origin's last answer is all that was taken in vain.
      assert.ok(bench.origin.bodyBytes < 3 * PIECE + 100_000, `${bench.origin.bodyBytes} bytes`)
      assert.equal(bench.origin.requests, 1)
    })

    it('goes there again when the swarm falls silent anew', async () => {
      await bench.connect()
      const gate = Promise.withResolvers<void>()
      bench.origin.pauses.push({ after: 100_000, until: gate.promise })
      const { task, finished } = bench.begin()
      await bench.supernode.whenHeard('register')
      await bench.pass(1600)
      await bench.until(() => task.progress().inFlightBytes > 0)
      await bench.answer()
      bench.introduce(peer)
      bench.assign(peer, 5)
      await bench.supernode.whenHeard('pieceDone')
      gate.resolve()
      await bench.until(() => task.progress().verifiedBytes === 2 * PIECE)
      await bench.passUntil(() => bench.origin.requests > 1)
      await bench.until(() => task.progress().verifiedBytes === bench.content.length)
      await bench.pass(1200)
      await bench.assertContent(await finished)
      assert.equal(task.progress().bytesFrom.origin, 5 * PIECE)
    })

    it('goes on there when the swarm that took over is lost before the origin has stopped', async () => {
      await bench.connect()
      const gate = Promise.withResolvers<void>()
      bench.origin.pauses.push({ after: 100_000, until: gate.promise })
      const { task, finished } = bench.begin()
      await bench.supernode.whenHeard('register')
      await bench.pass(1600)
      await bench.until(() => task.progress().inFlightBytes > 0)
      await bench.answer()
      bench.introduce(cdn)
      cdn.onRequest = () => undefined
      bench.assign(cdn, 5)
      const request = await cdn.whenAsked(5)
      await loseSupernode()
      request.fail(new DamselflyError('CHANNEL_CLOSED', 'gone'))
      gate.resolve()
      await bench.assertContent(await finished)
      assert.equal(task.progress().bytesFrom.origin, PIECES * PIECE)
    })
  })

  describe('when the supernode refuses, or sends the child there', () => {
    for (const code of ['SUPERNODE_OVERLOADED', 'PROTOCOL', 'ORIGIN_STATUS', 'ORIGIN_UNREACHABLE', 'ORIGIN_FORBIDDEN', 'INTERNAL']) {
      it(`begins after ${code}`, async () => {
        await bench.connect()
        const { task, finished } = bench.begin()
        await bench.answer({ errorCode: code })
        await bench.assertContent(await finished)
        const reason = code === 'ORIGIN_STATUS' || code === 'ORIGIN_UNREACHABLE' ? 'origin-failed' : 'supernode-refused'
        assert.equal(task.progress().backToSource, reason)
      })
    }

    for (const code of ['ORIGIN_NOT_FOUND', 'ORIGIN_UNAUTHORIZED', 'URL_REFUSED', 'RANGE_UNSATISFIABLE', 'DIGEST_MISMATCH'] as const) {
      it(`fails with ${code}, which no other way would change`, async () => {
        await bench.connect()
        const { finished } = bench.begin()
        await bench.answer({ errorCode: code })
        await assert.rejects(finished, (error) => isDamselflyError(error, code))
        assert.equal(bench.origin.requests, 0)
      })
    }

    it('begins when the supernode cuts the content into other pieces than are here', async () => {
      await bench.connect()
      const gate = Promise.withResolvers<void>()
      bench.origin.pauses.push({ after: 100_000, until: gate.promise })
      const { task, finished } = bench.begin()
      await bench.supernode.whenHeard('register')
      await bench.pass(1600)
      await bench.until(() => task.progress().inFlightBytes > 0)
      await bench.answer({ pieceSize: 2 * PIECE })
      await turns()
      gate.resolve()
      await bench.assertContent(await finished)
      assert.equal(bench.supernode.all('want').length, 0)
    })

    it('begins when the supernode says so, with its reason, and leaves to parents what they are bringing', async () => {
      await bench.connect()
      const { task, finished } = bench.begin()
      await bench.answer()
      peer.onRequest = () => undefined
      bench.introduce(peer)
      bench.assign(peer, 0, 1)
      await peer.whenAsked(1)
      bench.sendBack('origin-failed')
      await bench.until(() => task.progress().verifiedBytes === 4 * PIECE)
      const [first, second] = peer.requests
      first?.serve()
      second?.fail(new DamselflyError('CHANNEL_CLOSED', 'gone'))
      await bench.until(() => task.progress().verifiedBytes === bench.content.length)
      bench.tellManifest()
      await bench.assertContent(await finished)
      assert.equal(task.progress().backToSource, 'origin-failed')
      assert.deepEqual(task.progress().bytesFrom, { held: 0, peers: PIECE, cdn: 0, origin: 5 * PIECE })
      const stored = bench.supernode.all('pieceStored').map(({ index }) => index)
      assert.deepEqual(new Set(stored), new Set([1, 2, 3, 4, 5]))
    })

    it('begins when the task fails for everybody', async () => {
      await bench.connect()
      const { task, finished } = bench.begin()
      await bench.answer()
      await bench.supernode.whenHeard('want')
      bench.tell({ errorCode: 'ORIGIN_UNREACHABLE' })
      await bench.assertContent(await finished)
      assert.equal(task.progress().backToSource, 'origin-failed')
    })
  })

  describe('when the origin fails here', () => {
    const outage = new DamselflyError('ORIGIN_UNREACHABLE', 'no route')

    it('hopes for the supernode as long as it shows life', async () => {
      await bench.connect()
      bench.origin.outage = outage
      const { finished } = bench.begin()
      await bench.supernode.whenHeard('register')
      await bench.passUntil(() => bench.origin.requests === 5)
      await bench.pass(30_000, alive)
      await bench.answer()
      await bench.pass(30_000, alive)
      bench.introduce(cdn)
      bench.assign(cdn, ...bench.indexes)
      bench.tellManifest()
      await bench.assertContent(await finished)
    })

    it('fails with the origin’s error when the supernode is silent too', async () => {
      await bench.connect()
      bench.origin.outage = outage
      const { finished } = bench.begin()
      const failed = assert.rejects(finished, outage)
      await bench.pass(15_000)
      await failed
    })

    it('tries there again when the supernode falls silent after it had shown life', async () => {
      await bench.connect()
      bench.origin.outage = outage
      const { finished } = bench.begin()
      await bench.supernode.whenHeard('register')
      await bench.passUntil(() => bench.origin.requests === 5)
      await bench.pass(10_000, alive)
      bench.origin.outage = undefined
      await bench.pass(5000)
      await bench.assertContent(await finished)
    })

    it('fails when the supernode itself sent the child there', async () => {
      await bench.connect()
      bench.origin.outage = outage
      const { finished } = bench.begin()
      await bench.answer()
      bench.sendBack('no-parent')
      const failed = assert.rejects(finished, outage)
      await bench.pass(5000, alive)
      await failed
    })

    it('fails at once with what no other way would change', async () => {
      await bench.connect()
      bench.origin.outage = new DamselflyError('ORIGIN_NOT_FOUND', 'gone')
      const { finished } = bench.begin()
      const failed = assert.rejects(finished, bench.origin.outage)
      await bench.pass(1700)
      await failed
    })

    it('fails in the end although the supernode shows life for ever', async () => {
      await bench.connect()
      bench.origin.outage = outage
      const { finished } = bench.begin()
      await bench.answer()
      const failed = assert.rejects(finished, outage)
      await bench.pass(310_000, alive)
      await failed
    })
  })
})
