import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DamselflyError, isDamselflyError } from '@damselfly/shared'
import { turns } from '../control/scripted-supernode.ts'
import type { FakeParent } from './fake-parent.ts'
import { PIECE, SwarmBench } from './swarm-bench.ts'

describe('a parent that', () => {
  let bench: SwarmBench
  let bad: FakeParent
  let good: FakeParent

  beforeEach(async () => {
    bench = await SwarmBench.create(randomBytes(3 * PIECE))
    await bench.connect()
    bad = bench.parent()
    good = bench.parent()
  })

  afterEach(() => bench.stop())

  async function joined(): Promise<ReturnType<SwarmBench['begin']>> {
    const download = bench.begin()
    await bench.answer()
    await bench.supernode.whenHeard('want')
    bench.introduce(bad, good)
    return download
  }

  /** Signs of life, as the supernode gives them. */
  const alive = (): void => bench.tell({})

  it('lies is found out, and another one’s bytes are taken', async () => {
    bad.onRequest = (request) => request.lie()
    const { task, finished } = await joined()
    bench.assign(bad, 0)
    const [failed] = await bench.supernode.whenHeard('pieceFailed')
    assert.deepEqual([failed?.index, failed?.parent, failed?.reason], [0, bad.parent, 'PIECE_CORRUPT'])
    const stored = await task.ready
    assert.equal(stored.has(0), false)
    assert.deepEqual([task.progress().verifiedBytes, task.progress().inFlightBytes], [0, 0])
    bench.assign(good, 0, 1, 2)
    bench.tellManifest()
    await bench.assertContent(await finished)
    assert.equal(task.progress().bytesFrom.peers, 3 * PIECE)
  })

  it('mixes lies with truth in one piece is found out too', async () => {
    bad.onRequest = (request) => {
      request.give(PIECE - 1)
      request.lie()
    }
    await joined()
    bench.assign(bad, 2)
    const [failed] = await bench.supernode.whenHeard('pieceFailed')
    assert.equal(failed?.reason, 'PIECE_CORRUPT')
  })

  it('refuses, breaks off or cannot be reached is reported so', async () => {
    const { finished } = await joined()
    bad.onRequest = (request) => request.refuse()
    bench.assign(bad, 0)
    await bench.supernode.whenHeard('pieceFailed', 1)
    bad.onRequest = (request) => {
      request.give(1000)
      request.fail(new DamselflyError('CHANNEL_CLOSED', 'gone'))
    }
    bench.assign(bad, 1)
    await bench.supernode.whenHeard('pieceFailed', 2)
    bad.onRequest = (request) => request.fail(new Error('something else'))
    bench.assign(bad, 1)
    await bench.supernode.whenHeard('pieceFailed', 3)
    bad.isUnreachable = true
    bench.assign(bad, 2)
    const failed = await bench.supernode.whenHeard('pieceFailed', 4)
    const reasons = failed.map(({ reason }) => reason)
    assert.deepEqual(reasons, ['PIECE_REFUSED', 'CHANNEL_CLOSED', 'CHANNEL_CLOSED', 'PEER_UNREACHABLE'])
    bench.assign(good, 0, 1, 2)
    bench.tellManifest()
    await bench.assertContent(await finished)
  })

  it('says nothing is given up after 10 s while nothing is known of how long pieces take', async () => {
    bad.onRequest = () => undefined
    await joined()
    bench.assign(bad, 0)
    const request = await bad.whenAsked(0)
    const took = await bench.passUntil(() => !request.isOpen, alive)
    const [failed] = await bench.supernode.whenHeard('pieceFailed')
    assert.equal(failed?.reason, 'TIMEOUT')
    assert.ok(took >= 10_000 && took <= 10_200, `${took} ms`)
    assert.equal(request.isOpen, false)
  })

  it('stalls is given up soon where pieces came fast', async () => {
    await joined()
    bench.assign(good, 0, 1)
    await bench.supernode.whenHeard('pieceDone', 2)
    bad.onRequest = (request) => request.give(PIECE / 2)
    bench.assign(bad, 2)
    const request = await bad.whenAsked(2)
    // The other one is of no help to the piece that stalls, so that it is the deadline that counts.
    good.onRequest = () => undefined
    const took = await bench.passUntil(() => !request.isOpen, alive)
    assert.ok(took >= 2000 && took <= 5000, `${took} ms`)
  })

  it('trickles is given up as one that stalls', async () => {
    bad.onRequest = () => undefined
    await joined()
    bench.assign(bad, 0)
    const request = await bad.whenAsked(0)
    const took = await bench.passUntil(
      () => !request.isOpen,
      () => {
        alive()
        request.give(100)
      },
    )
    const [failed] = await bench.supernode.whenHeard('pieceFailed')
    assert.equal(failed?.reason, 'TIMEOUT')
    assert.ok(took <= 21_000, `${took} ms`)
  })

  it('is slow but steady is waited for', async () => {
    bad.onRequest = () => undefined
    await joined()
    bench.assign(bad, 0)
    const request = await bad.whenAsked(0)
    const took = await bench.passUntil(
      () => !request.isOpen,
      () => {
        alive()
        request.give(500)
      },
    )
    assert.ok(took > 50_000, `${took} ms`)
    const [done] = await bench.supernode.whenHeard('pieceDone')
    assert.equal(done?.index, 0)
  })

  it('sends one piece after the other on one lane is not blamed for those that wait', async () => {
    bad.onRequest = () => undefined
    await joined()
    bench.assign(bad, 0, 1)
    const [first, second] = [await bad.whenAsked(0), await bad.whenAsked(1)]
    await bench.passUntil(
      () => !first.isOpen,
      () => {
        alive()
        first.give(4000)
      },
    )
    assert.ok(second.isOpen)
    second.serve()
    await bench.supernode.whenHeard('pieceDone', 2)
    assert.deepEqual(bench.supernode.all('pieceFailed'), [])
  })

  it('is kept waiting by the download’s own limit is not blamed', async () => {
    bench.begin()
    await bench.answer()
    bench.introduce(good)
    good.onRequest = () => undefined
    bench.assign(good, 0)
    const request = await good.whenAsked(0)
    good.isHeldBack = true
    await bench.pass(40_000, alive)
    good.heldBackMs = 38_000
    request.serve()
    const [done] = await bench.supernode.whenHeard('pieceDone')
    assert.deepEqual(bench.supernode.all('pieceFailed'), [])
    assert.ok((done?.durationUs ?? 0) <= 3_000_000, 'what the limit held back is not the parent’s time')
  })

  it('never comes to speak because the disk is full ends the download at once', async () => {
    const full = await SwarmBench.create(bench.content, { diskBytes: PIECE + PIECE / 2 })
    await full.connect()
    const parent = full.parent()
    parent.onRequest = (request) => request.give(PIECE - 10)
    const { task, finished } = full.begin()
    await full.answer()
    full.introduce(parent)
    full.assign(parent, 0, 1)
    await assert.rejects(finished, (error) => isDamselflyError(error, 'DISK_FULL'))
    assert.equal(full.origin.requests, 0)
    assert.deepEqual(full.supernode.all('pieceFailed'), [])
    assert.equal(parent.open, 0)
    assert.equal(task.progress().inFlightBytes, 0)
    await full.stop()
  })

  it('holds a piece that the origin is bringing does not bring it again', async () => {
    const { task, finished } = bench.begin()
    // The origin is asked because nothing is heard, and stops in the middle of a piece.
    const gate = Promise.withResolvers<void>()
    bench.origin.pauses.push({ after: PIECE + 1000, until: gate.promise })
    await bench.pass(1600)
    await bench.until(() => task.progress().verifiedBytes === PIECE && task.progress().inFlightBytes > 0)
    await bench.answer()
    bench.introduce(good)
    bench.assign(good, 1, 2)
    await bench.supernode.whenHeard('pieceDone')
    gate.resolve()
    await bench.supernode.whenHeard('pieceFailed')
    await turns()
    assert.deepEqual(good.asked, [2])
    bench.tellManifest()
    await bench.assertContent(await finished)
    assert.deepEqual(task.progress().bytesFrom, { held: 0, peers: PIECE, cdn: 0, origin: 2 * PIECE })
  })
})
