import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DamselflyError, digestsEqual } from '@damselfly/shared'
import { storePiece } from '../../src/download/stored-content.ts'
import type { FakeParent } from './fake-parent.ts'
import { PIECE, SwarmBench, type RunningDownload } from './swarm-bench.ts'

describe('the last pieces of a download', () => {
  let bench: SwarmBench
  let first: FakeParent
  let second: FakeParent
  let download: RunningDownload

  beforeEach(async () => {
    bench = await SwarmBench.create(randomBytes(3 * PIECE))
    await bench.connect()
    first = bench.parent()
    second = bench.parent()
  })

  afterEach(() => bench.stop())

  const alive = (): void => bench.tell({})

  /** All but the last piece are here, and the last one is asked for. */
  async function lastPiece(): Promise<void> {
    download = bench.begin()
    await bench.answer()
    bench.introduce(first, second)
    bench.assign(first, 0, 1)
    await bench.supernode.whenHeard('pieceDone', 2)
    first.onRequest = () => undefined
    second.onRequest = () => undefined
    bench.assign(first, 2)
    await first.whenAsked(2)
  }

  async function finish(): Promise<void> {
    bench.tellManifest()
    await bench.assertContent(await download.finished)
    assert.equal(download.task.progress().inFlightBytes, 0)
  }

  it('come from a second parent when the first is late, and the first is let go', async () => {
    await lastPiece()
    const late = await first.whenAsked(2)
    late.give(PIECE - 1)
    const took = await bench.passUntil(() => second.asked.length > 0, alive)
    assert.ok(took <= 1000, `${took} ms`)
    const [rescue] = second.requests
    rescue?.serve()
    const done = (await bench.supernode.whenHeard('pieceDone', 3)).at(-1)
    assert.deepEqual([done?.index, done?.parent], [2, second.parent])
    assert.equal(late.isOpen, false)
    await finish()
    assert.equal(download.task.progress().bytesFrom.peers, 3 * PIECE)
  })

  it('come from the first parent when it is faster after all, and the second is let go', async () => {
    await lastPiece()
    await bench.passUntil(() => second.asked.length > 0, alive)
    second.requests[0]?.give(PIECE - 1)
    first.requests.at(-1)?.serve()
    const done = (await bench.supernode.whenHeard('pieceDone', 3)).at(-1)
    assert.equal(done?.parent, first.parent)
    assert.equal(second.open, 0)
    await finish()
  })

  it('come from the second when the first fails while both are asked', async () => {
    await lastPiece()
    await bench.passUntil(() => second.asked.length > 0, alive)
    first.requests.at(-1)?.refuse()
    second.requests[0]?.serve()
    const done = (await bench.supernode.whenHeard('pieceDone', 3)).at(-1)
    assert.equal(done?.parent, second.parent)
    assert.deepEqual(bench.supernode.all('pieceFailed'), [])
    await finish()
  })

  it('are reported as failed by the first when both fail', async () => {
    await lastPiece()
    await bench.passUntil(() => second.asked.length > 0, alive)
    second.requests[0]?.lie()
    first.requests.at(-1)?.refuse()
    const [failed] = await bench.supernode.whenHeard('pieceFailed')
    assert.deepEqual([failed?.index, failed?.parent, failed?.reason], [2, first.parent, 'PIECE_REFUSED'])
    second.onRequest = (request) => request.serve()
    bench.assign(second, 2)
    await finish()
  })

  it('are asked of one parent after the other, the CDN last', async () => {
    const cdn = bench.parent({ isCdn: true })
    const third = bench.parent()
    bench.introduce(cdn)
    download = bench.begin()
    await bench.answer()
    bench.introduce(cdn, first, second, third)
    bench.assign(first, 0, 1)
    await bench.supernode.whenHeard('pieceDone', 2)
    first.onRequest = () => undefined
    const order: string[] = []
    for (const [name, parent] of [['cdn', cdn], ['second', second], ['third', third]] as const) {
      parent.onRequest = (request) => {
        order.push(name)
        if (name === 'cdn') request.serve()
        else request.refuse()
      }
    }
    bench.assign(first, 2)
    await bench.passUntil(() => order.length === 3, alive)
    assert.deepEqual(order, ['second', 'third', 'cdn'])
    await finish()
    assert.equal(download.task.progress().bytesFrom.cdn, PIECE)
  })

  it('are asked once while anything else is missing that nobody is bringing', async () => {
    download = bench.begin()
    await bench.answer()
    bench.introduce(first, second)
    bench.assign(second, 0)
    await bench.supernode.whenHeard('pieceDone')
    first.onRequest = () => undefined
    bench.assign(first, 1)
    await first.whenAsked(1)
    await bench.pass(1500, alive)
    assert.deepEqual(second.asked, [0])
    bench.assign(first, 2)
    await bench.passUntil(() => second.asked.length === 3, alive)
    assert.deepEqual(new Set(second.asked), new Set([0, 1, 2]))
    first.requests.forEach((request) => request.serve())
    await finish()
  })

  it('are not late while the download’s own limit holds them back', async () => {
    await lastPiece()
    bench.limiter.limitTask(bench.taskId, 1)
    first.isHeldBack = true
    const held = new AbortController()
    const waiting = bench.limiter.flow({ task: bench.taskId, peer: first.parent }).take(PIECE, held.signal)
    await bench.pass(20_000, alive)
    assert.deepEqual(second.asked, [])
    held.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
    await bench.passUntil(() => second.asked.length > 0, alive)
    second.requests[0]?.serve()
    await finish()
  })

  it('are never written over by a late writer', async () => {
    await lastPiece()
    await bench.passUntil(() => second.asked.length > 0, alive)
    const stored = await download.task.ready
    const late = first.requests.at(-1)
    late?.give(PIECE / 2)
    second.requests[0]?.serve()
    // What the first still sends has no claim to write to any more.
    late?.lie()
    await bench.supernode.whenHeard('pieceDone', 3)
    late?.serve()
    assert.equal(await storePiece(stored, 2, new Uint8Array(PIECE), undefined), false)
    assert.ok(digestsEqual(stored.digest(2) ?? new Uint8Array(), bench.digest(2)))
    await finish()
  })

  it('end with the download when it is cancelled', async () => {
    await lastPiece()
    await bench.passUntil(() => second.asked.length > 0, alive)
    const { finished, cancel } = download
    cancel(new DamselflyError('CANCELLED', 'enough'))
    await assert.rejects(finished)
    assert.deepEqual([first.open, second.open], [0, 0])
  })
})
