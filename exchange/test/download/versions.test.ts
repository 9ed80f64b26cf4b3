import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { isDamselflyError, sha256, taskIdToBytes } from '@damselfly/shared'
import { turns } from '../control/scripted-supernode.ts'
import type { FakeParent } from './fake-parent.ts'
import { PIECE, SwarmBench } from './swarm-bench.ts'

describe('a content of which there are two versions', () => {
  let bench: SwarmBench
  let peer: FakeParent
  let gate: PromiseWithResolvers<void>

  beforeEach(async () => {
    bench = await SwarmBench.create(randomBytes(3 * PIECE))
    await bench.connect()
    peer = bench.parent()
    gate = Promise.withResolvers<void>()
  })

  afterEach(() => bench.stop())

  /** The supernode is slow, and the origin has brought the first piece. */
  async function atTheOrigin(): Promise<ReturnType<SwarmBench['begin']>> {
    bench.origin.pauses.push({ after: PIECE + 100_000, until: gate.promise })
    const download = bench.begin()
    await bench.supernode.whenHeard('register')
    await bench.pass(1600)
    await bench.until(() => download.task.progress().verifiedBytes === PIECE && download.task.progress().inFlightBytes > 0)
    return download
  }

  it('is the origin’s where the supernode describes another one', async () => {
    for (const other of [{ etag: '"v0"' }, { contentLength: 3 * PIECE - 1 }]) {
      const { task, finished } = await atTheOrigin()
      await bench.answer(other)
      await turns()
      gate.resolve()
      await bench.assertContent(await finished)
      assert.equal(task.progress().bytesFrom.origin, 3 * PIECE)
      assert.equal(bench.supernode.all('want').length, 0)
      task.end()
      await bench.store.delete(bench.taskId)
      gate = Promise.withResolvers()
    }
  })

  it('is begun anew when a digest shows that what is here is another one', async () => {
    const { task, finished } = await atTheOrigin()
    // The supernode has a newer one, which the origin shows by no validator.
    const older = bench.content
    const newer = randomBytes(3 * PIECE)
    bench.origin.content = newer
    const digest = sha256(newer.subarray(0, PIECE))
    bench.supernode.say({ case: 'taskUpdate', value: { taskId: taskIdToBytes(bench.taskId), digests: [{ index: 0, digest }] } })
    await bench.supernode.whenHeard('register', 2)
    await bench.pass(1600)
    await bench.assertContent(await finished, newer)
    assert.notDeepEqual(older, newer)
    assert.deepEqual(task.progress().bytesFrom, { held: 0, peers: 0, cdn: 0, origin: 3 * PIECE })
  })

  it('is begun anew when the manifest shows it at the end', async () => {
    const { task, finished } = await atTheOrigin()
    const newer = randomBytes(3 * PIECE)
    bench.origin.content = newer
    await bench.answer()
    bench.tellManifest(newer)
    await bench.supernode.whenHeard('register', 2)
    await bench.pass(1600)
    await bench.assertContent(await finished, newer)
    assert.equal(task.progress().verifiedBytes, 3 * PIECE)
  })

  it('is begun anew when the supernode says that it changed, or tells another length', async () => {
    for (const news of [{ errorCode: 'ORIGIN_CHANGED' }, { contentLength: 5n }]) {
      const before = bench.supernode.all('register').length
      const { task, finished } = bench.begin()
      await bench.answer()
      bench.introduce(peer)
      bench.assign(peer, 0)
      await bench.supernode.whenHeard('pieceDone', bench.supernode.all('pieceDone').length + 1)
      const own = bench.supernode.all('pieceDone').length
      bench.tell(news)
      await bench.supernode.whenHeard('register', before + 2)
      assert.equal(bench.store.list().length, 0)
      await bench.answer()
      bench.introduce(peer)
      bench.assign(peer, 0, 1, 2)
      await bench.supernode.whenHeard('pieceDone', own + 3)
      bench.tellManifest()
      await bench.assertContent(await finished)
      assert.deepEqual(task.progress().bytesFrom, { held: 0, peers: 3 * PIECE, cdn: 0, origin: 0 })
      task.end()
      await bench.store.delete(bench.taskId)
    }
  })

  it('fails when it changes again and again', async () => {
    const { finished } = bench.begin()
    for (let version = 1; version <= 2; version++) {
      await bench.answer()
      await bench.supernode.whenHeard('want', version)
      bench.tell({ errorCode: 'ORIGIN_CHANGED' })
    }
    await assert.rejects(finished, (error) => isDamselflyError(error, 'ORIGIN_CHANGED'))
  })

  it('is refused where lengths are impossible', async () => {
    const { task, finished } = bench.begin()
    await bench.answer({ isLengthUnknown: true })
    await bench.supernode.whenHeard('want')
    bench.tell({ contentLength: 2n ** 50n })
    await assert.rejects(finished, (error) => isDamselflyError(error, 'PROTOCOL'))
    assert.equal(task.progress().contentLength, undefined)
  })

  it('never goes back in its progress, except when it is begun anew', async () => {
    const { task, finished } = await atTheOrigin()
    const seen: number[] = []
    const look = (): void => {
      const { verifiedBytes, inFlightBytes, bytesFrom, contentLength } = task.progress()
      seen.push(verifiedBytes)
      assert.ok(inFlightBytes >= 0)
      assert.ok(verifiedBytes + inFlightBytes <= (contentLength ?? Number.POSITIVE_INFINITY))
      assert.ok(bytesFrom.held + bytesFrom.peers + bytesFrom.cdn + bytesFrom.origin <= 3 * PIECE)
    }
    look()
    await bench.answer()
    bench.introduce(peer)
    bench.assign(peer, 2)
    await bench.until(() => (look(), task.progress().verifiedBytes >= 2 * PIECE))
    gate.resolve()
    await bench.until(() => (look(), task.progress().verifiedBytes === 3 * PIECE))
    bench.tellManifest()
    await finished
    look()
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b))
  })
})
