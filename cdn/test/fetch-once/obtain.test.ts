import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { DEFAULT_PIECE_SIZE, MIN_PIECE_SIZE, VirtualClock } from '@damselfly/shared'
import { generatedContent } from '../../src/testing/index.ts'
import { CdnFixture, readAll, silent, specOf, whenEnded, whenPieces } from './cdn-fixture.ts'

const PIECE = MIN_PIECE_SIZE

describe('the CDN, obtaining a content', () => {
  let fixture: CdnFixture
  beforeEach(async () => void (fixture = await CdnFixture.create()))
  afterEach(() => fixture.remove())

  for (const size of [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 17]) {
    it(`stores ${size} bytes exactly`, async () => {
      const url = fixture.origin.add('/f', { size })
      const task = await fixture.obtainWhole(specOf(url))
      const content = generatedContent(size)
      assert.deepEqual(await readAll(task), content)
      assert.deepEqual(task.state, { type: 'complete' })
      assert.equal(task.stored.record.contentLength, size)
      assert.equal(fixture.origin.stats('/f').bodyBytes, size)
      assert.equal(task.originBytes, size)
    })
  }

  for (const size of [0, 1, DEFAULT_PIECE_SIZE - 1, DEFAULT_PIECE_SIZE, DEFAULT_PIECE_SIZE + 1]) {
    it(`learns the length of ${size} bytes at the end when the origin does not tell it`, async () => {
      const url = fixture.origin.add('/f', { size, chunked: true, pauseAfter: size - 1 })
      const task = await fixture.obtain(specOf(url))
      const lengths: number[] = []
      assert.equal(task.stored.layout, undefined)
      task.subscribe({ ...silent, lengthKnown: (length) => lengths.push(length) })
      fixture.origin.resume('/f')
      const state = await whenEnded(task)
      assert.deepEqual(lengths, [size])
      assert.equal(state.type, 'complete')
      assert.deepEqual(await readAll(task), generatedContent(size))
    })
  }

  it('shares one fetch among fifty first callers', async () => {
    const size = 3 * PIECE
    const url = fixture.origin.add('/f', { size })
    const tasks = await Promise.all(Array.from({ length: 50 }, () => fixture.obtain(specOf(url))))
    await Promise.all(tasks.map(whenEnded))
    assert.equal(new Set(tasks).size, 1)
    const { gets, heads, bodyBytes } = fixture.origin.stats('/f')
    assert.deepEqual({ gets, heads, bodyBytes }, { gets: 1, heads: 0, bodyBytes: size })
    assert.equal(fixture.cdn.stats().fetchesStarted, 1)
  })

  it('offers pieces while the fetch still runs', async () => {
    const url = fixture.origin.add('/f', { size: 4 * PIECE, pauseAfter: 2 * PIECE })
    const task = await fixture.obtain(specOf(url))
    await whenPieces(task, 2)
    assert.equal(task.state.type, 'fetching')
    const piece = Buffer.alloc(PIECE)
    await task.stored.read(1, 0, piece)
    assert.deepEqual(piece, generatedContent(2 * PIECE).subarray(PIECE))
    assert.deepEqual(Buffer.from(task.stored.digest(1) ?? []), createHash('sha256').update(piece).digest())
    fixture.origin.resume('/f')
    assert.equal((await whenEnded(task)).type, 'complete')
  })

  it('serves what is here without asking the origin again, also after a restart', async () => {
    const url = fixture.origin.add('/f', { size: PIECE })
    const first = await fixture.obtainWhole(specOf(url))
    assert.equal(await fixture.obtain(specOf(url)), first)
    await fixture.restart()
    const again = await fixture.obtain(specOf(url))
    assert.equal(again.state.type, 'complete')
    assert.deepEqual(await readAll(again), generatedContent(PIECE))
    assert.equal(again.originBytes, 0)
    assert.equal(fixture.origin.stats('/f').gets, 1)
  })

  it('hands out a task that is being fetched or is held, and starts nothing', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: PIECE, pauseAfter: 1 }))
    assert.equal(fixture.cdn.get(spec.taskId), undefined)
    const task = await fixture.obtain(spec)
    assert.equal(fixture.cdn.get(spec.taskId), task)
    fixture.origin.resume('/f')
    await whenEnded(task)
    assert.equal(fixture.cdn.get(spec.taskId), task)
  })

  it('makes a part of the URL a content of its own', async () => {
    const size = 3 * PIECE
    const url = fixture.origin.add('/f', { size })
    const range = { start: 100, end: PIECE + 299 }
    const part = await fixture.obtainWhole(specOf(url, { range }))
    assert.deepEqual(await readAll(part), generatedContent(size).subarray(100, PIECE + 300))
    const rest = await fixture.obtainWhole(specOf(url, { range: { start: size - 5 } }))
    assert.deepEqual(await readAll(rest), generatedContent(size).subarray(size - 5))
    const past = await fixture.obtainWhole(specOf(url, { range: { start: size - 5, end: size + 100 } }))
    assert.equal(past.stored.record.contentLength, 5)
    assert.equal(fixture.origin.stats('/f').bodyBytes, PIECE + 200 + 10)
  })

  it('refuses a part of a URL that serves no ranges, but takes its beginning', async () => {
    const url = fixture.origin.add('/f', { size: 2 * PIECE, ranges: false })
    await assert.rejects(fixture.obtain(specOf(url, { range: { start: 5, end: 9 } })), { code: 'RANGE_UNSATISFIABLE' })
    const task = await fixture.obtainWhole(specOf(url, { range: { start: 0, end: 9 } }))
    assert.deepEqual(await readAll(task), generatedContent(10))
  })

  it('gives signs of life, but not one for every chunk', async () => {
    const patient = await CdnFixture.create({}, new VirtualClock())
    try {
      const task = await patient.obtain(specOf(patient.origin.add('/f', { size: 3 * PIECE, pauseAfter: 0 })))
      let signs = 0
      task.subscribe({ ...silent, progress: () => signs++ })
      patient.origin.resume('/f')
      await whenEnded(task)
      assert.equal(signs, 1)
    } finally {
      await patient.remove()
    }
  })

  it('counts what it does', async () => {
    await fixture.obtainWhole(specOf(fixture.origin.add('/f', { size: 10 })))
    await assert.rejects(fixture.obtain(specOf(fixture.origin.url('/missing'))), { code: 'ORIGIN_NOT_FOUND' })
    const { fetchesFailed, ...counted } = fixture.cdn.stats()
    assert.deepEqual([...fetchesFailed], [['ORIGIN_NOT_FOUND', 1]])
    const revalidations = { revalidatedSame: 0, revalidatedChanged: 0, revalidationsFailed: 0, staleHandedOut: 0 }
    const none = { fetchesActive: 0, retries: 0, restarts: 0, accessProbes: 0, ...revalidations }
    assert.deepEqual(counted, { originBytes: 10, fetchesStarted: 2, fetchesCompleted: 1, ...none })
  })

  it('keeps a slow origin from holding up another task', async () => {
    const slow = await fixture.obtain(specOf(fixture.origin.add('/slow', { size: PIECE, pauseAfter: 10 })))
    const fast = await fixture.obtainWhole(specOf(fixture.origin.add('/fast', { size: 2 * PIECE })))
    assert.equal(fast.state.type, 'complete')
    assert.equal(slow.state.type, 'fetching')
  })

  it('goes on with the fetch when the caller that began it goes away', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: PIECE, trickle: { bytes: PIECE, everyMs: 1 } }))
    const caller = new AbortController()
    const gone = fixture.cdn.obtain(spec, new Map(), caller.signal)
    const staying = fixture.obtain(spec)
    caller.abort(new Error('gone'))
    await assert.rejects(gone, /gone/)
    assert.equal((await whenEnded(await staying)).type, 'complete')
    assert.equal(fixture.origin.stats('/f').gets, 1)
  })

  it('ends its fetches when it stops', async () => {
    const task = await fixture.obtain(specOf(fixture.origin.add('/f', { size: PIECE, pauseAfter: 1 })))
    const ended = whenEnded(task)
    await fixture.cdn.stop()
    const state = await ended
    assert.equal(state.type === 'failed' && state.error.code, 'CANCELLED')
    await fixture.origin.when('/f', (stats) => stats.open === 0)
    await assert.rejects(fixture.obtain(task.spec), { code: 'CANCELLED' })
  })
})
