import assert from 'node:assert/strict'
import { MIN_PIECE_SIZE, sha256, VirtualClock, type ErrorCode } from '@damselfly/shared'
import { generatedContent, type OriginContent } from '../../src/testing/index.ts'
import type { CdnTask } from '../../src/index.ts'
import { CdnFixture, readAll, silent, specOf, whenEnded, whenPieces } from './cdn-fixture.ts'

const PIECE = MIN_PIECE_SIZE
const SIZE = 4 * PIECE + 100

async function failureOf(task: CdnTask): Promise<ErrorCode | undefined> {
  const state = await whenEnded(task)
  return state.type === 'failed' ? state.error.code : undefined
}

describe('the CDN, when the origin misbehaves', () => {
  let fixture: CdnFixture
  beforeEach(async () => void (fixture = await CdnFixture.create()))
  afterEach(() => fixture.remove())

  it('continues at the very byte at which the origin broke off', async () => {
    const url = fixture.origin.add('/f', { size: SIZE, cut: { after: PIECE + 7 } })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
    const { ranges, bodyBytes } = fixture.origin.stats('/f')
    assert.deepEqual(ranges, ['', `bytes=${PIECE + 7}-`])
    assert.equal(bodyBytes, SIZE)
    assert.equal(fixture.cdn.stats().retries, 1)
  })

  it('finishes although every answer is cut, as long as each brings the content on', async () => {
    const url = fixture.origin.add('/f', { size: SIZE, cut: { after: PIECE, times: Number.POSITIVE_INFINITY } })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
    assert.equal(fixture.origin.stats('/f').bodyBytes, SIZE)
  })

  it('starts from the beginning, and compares, where the origin serves no ranges', async () => {
    const url = fixture.origin.add('/f', { size: SIZE, ranges: false, cut: { after: 2 * PIECE + 7 } })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
  })

  it('starts from the beginning, and compares, where nothing proves that the content is the same', async () => {
    const content = { size: SIZE, etag: '', cut: { after: 2 * PIECE + 7 } }
    const task = await fixture.obtainWhole(specOf(fixture.origin.add('/f', content)))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
    assert.deepEqual(fixture.origin.stats('/f').ranges, ['', ''])
  })

  it('notices without any validator that the bytes came differently the second time', async () => {
    const later = { after: 1, content: { size: SIZE, seed: 2, etag: '' } }
    const url = fixture.origin.add('/f', { size: SIZE, etag: '', cut: { after: 2 * PIECE + 7 }, later })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE, 2))
    assert.equal(fixture.cdn.stats().restarts, 1)
  })

  it('asks again when a content of unknown length breaks off', async () => {
    const url = fixture.origin.add('/f', { size: SIZE, chunked: true, cut: { after: PIECE } })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
  })

  for (const status of [429, 500, 502, 503, 504]) {
    it(`tries again after ${status}`, async () => {
      const url = fixture.origin.add('/f', { size: SIZE, failFirst: { times: 2, status } })
      assert.equal((await fixture.obtainWhole(specOf(url))).state.type, 'complete')
    })
  }

  const refusals: readonly (readonly [OriginContent, ErrorCode])[] = [
    [{ status: 404 }, 'ORIGIN_NOT_FOUND'],
    [{ status: 410 }, 'ORIGIN_NOT_FOUND'],
    [{ status: 401 }, 'ORIGIN_UNAUTHORIZED'],
    [{ status: 403 }, 'ORIGIN_UNAUTHORIZED'],
    [{ status: 418 }, 'ORIGIN_STATUS'],
    [{ redirectTo: '/f' }, 'ORIGIN_REDIRECTS'],
    [{ redirectTo: 'http://127.0.0.2/' }, 'ORIGIN_FORBIDDEN'],
  ]
  for (const [content, code] of refusals) {
    it(`takes ${JSON.stringify(content)} as ${code} and asks once`, async () => {
      const spec = specOf(fixture.origin.add('/f', content))
      await assert.rejects(fixture.obtain(spec), { code })
      assert.equal(fixture.origin.stats('/f').gets, 1)
    })
  }

  it('gives up after some tries without progress, and keeps the verified pieces', async () => {
    const broken = { size: SIZE, cut: { after: 0, times: Number.POSITIVE_INFINITY } }
    const url = fixture.origin.add('/f', { size: SIZE, cut: { after: 2 * PIECE }, later: { after: 1, content: broken } })
    const task = await fixture.obtain(specOf(url))
    assert.equal(await failureOf(task), 'ORIGIN_SHORT')
    assert.equal(task.stored.have().count, 2)
  })

  it('waits as long as the origin asks', async () => {
    const clock = new VirtualClock()
    const patient = await CdnFixture.create({ backoffMs: 10 }, clock)
    try {
      const url = patient.origin.add('/f', { size: 5, failFirst: { times: 1, status: 503, retryAfter: '20' } })
      const obtaining = patient.obtainWhole(specOf(url))
      await patient.origin.when('/f', (stats) => stats.open === 0 && stats.gets === 1)
      while (clock.pending === 0) await new Promise(setImmediate)
      clock.advance(19_000)
      assert.equal(clock.pending, 1)
      clock.advance(1_000)
      assert.equal((await obtaining).state.type, 'complete')
    } finally {
      await patient.remove()
    }
  })

  it('refuses a content that is longer than announced, and keeps nothing of it', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: SIZE, announced: SIZE - 50 }))
    assert.equal(await failureOf(await fixture.obtain(spec)), 'ORIGIN_LONG')
    assert.equal(await fixture.store.open(spec.taskId), undefined)
  })

  it('does not take up what was longer than announced, although somebody reads it still', async () => {
    const clock = new VirtualClock()
    const busy = await CdnFixture.create({}, clock)
    try {
      const spec = specOf(busy.origin.add('/f', { size: SIZE, announced: SIZE - 50, ranges: false, pauseAfter: PIECE }))
      const task = await busy.obtain(spec)
      const release = task.stored.use()
      busy.origin.resume('/f')
      assert.equal(await failureOf(task), 'ORIGIN_LONG')
      assert.equal(task.stored.isComplete, false)
      release()
      busy.origin.add('/f', { size: SIZE, ranges: false })
      // By then the failure is forgotten.
      clock.advance(60_000)
      assert.deepEqual(await readAll(await busy.obtainWhole(spec)), generatedContent(SIZE))
    } finally {
      await busy.remove()
    }
  })

  it('refuses a content that is always shorter than announced', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: SIZE, announced: SIZE + 50, ranges: false }))
    assert.equal(await failureOf(await fixture.obtain(spec)), 'ORIGIN_SHORT')
  })

  for (const chunked of [false, true]) {
    it(`takes no content that is longer than it may be, ${chunked ? 'although nobody said so' : 'before its first byte'}, and keeps nothing of it`, async () => {
      const small = await CdnFixture.create({ maxContentLength: 2 * PIECE })
      try {
        const spec = specOf(small.origin.add('/f', { size: SIZE, chunked }))
        const code = await small.obtain(spec).then(failureOf, (error: { code: string }) => error.code)
        assert.equal(code, 'CONTENT_TOO_LONG')
        assert.equal(await small.store.open(spec.taskId), undefined)
        const whole = await small.obtainWhole(specOf(small.origin.add('/g', { size: 2 * PIECE, chunked })))
        assert.deepEqual(await readAll(whole), generatedContent(2 * PIECE))
      } finally {
        await small.remove()
      }
    })
  }

  it('stores what the origin stores, however it is encoded', async () => {
    const body = generatedContent(1000)
    const url = fixture.origin.add('/f', { body, headers: { 'content-encoding': 'gzip' } })
    assert.deepEqual(await readAll(await fixture.obtainWhole(specOf(url))), body)
    assert.equal(fixture.origin.stats('/f').headers[0]?.['accept-encoding'], 'identity')
  })

  it('fails all who wait when the digest is not the expected one, and keeps nothing', async () => {
    const url = fixture.origin.add('/f', { size: SIZE, pauseAfter: PIECE })
    const spec = specOf(url, { expectedDigest: sha256() })
    const tasks = await Promise.all([fixture.obtain(spec), fixture.obtain(spec)])
    fixture.origin.resume('/f')
    assert.deepEqual(await Promise.all(tasks.map(failureOf)), ['DIGEST_MISMATCH', 'DIGEST_MISMATCH'])
    assert.equal(await fixture.store.open(spec.taskId), undefined)
  })

  it('takes a content that has the expected digest', async () => {
    const url = fixture.origin.add('/f', { size: SIZE })
    const spec = specOf(url, { expectedDigest: sha256(generatedContent(SIZE)) })
    const task = await fixture.obtainWhole(spec)
    assert.equal(task.state.type, 'complete')
    assert.deepEqual(task.stored.record.contentDigest, spec.expectedDigest)
  })

  it('does not let one caller with a lying URL spoil the content for a caller with a true one', async () => {
    const expectedDigest = sha256(generatedContent(SIZE))
    const lying = specOf(fixture.origin.add('/lie', { size: SIZE, seed: 9 }), { expectedDigest })
    const honest = specOf(fixture.origin.add('/truth', { size: SIZE }), { expectedDigest })
    assert.equal(lying.taskId, honest.taskId)
    assert.equal(await failureOf(await fixture.obtain(lying)), 'DIGEST_MISMATCH')
    await assert.rejects(fixture.obtain(lying), { code: 'DIGEST_MISMATCH' })
    assert.deepEqual(await readAll(await fixture.obtainWhole(honest)), generatedContent(SIZE))
  })

  it('remembers a failure for a few seconds, then tries again', async () => {
    const clock = new VirtualClock()
    const forgetful = await CdnFixture.create({ failureMemoryMs: 3000 }, clock)
    try {
      const spec = specOf(forgetful.origin.add('/f', { status: 404 }))
      await assert.rejects(forgetful.obtain(spec), { code: 'ORIGIN_NOT_FOUND' })
      forgetful.origin.add('/f', { size: 5 })
      clock.advance(2900)
      await assert.rejects(forgetful.obtain(spec), { code: 'ORIGIN_NOT_FOUND' })
      clock.advance(200)
      assert.equal((await forgetful.obtainWhole(spec)).state.type, 'complete')
      assert.equal(forgetful.origin.stats('/f').gets, 2)
    } finally {
      await forgetful.remove()
    }
  })
})

describe('the CDN, when the content changes during its fetch', () => {
  let fixture: CdnFixture
  beforeEach(async () => void (fixture = await CdnFixture.create()))
  afterEach(() => fixture.remove())

  const changing = (content: OriginContent): OriginContent => ({
    size: SIZE,
    cut: { after: 2 * PIECE },
    pauseAfter: PIECE,
    later: { after: 1, content },
  })

  it('starts over once, telling those who can start over with it', async () => {
    const url = fixture.origin.add('/f', changing({ size: SIZE + 1, seed: 2 }))
    const task = await fixture.obtain(specOf(url))
    await whenPieces(task, 1)
    const events: string[] = []
    task.subscribe({
      ...silent,
      lengthKnown: (length) => events.push(`length ${length}`),
      startedOver: () => events.push('over'),
      ended: (state) => events.push(state.type),
    })
    fixture.origin.resume('/f')
    await whenEnded(task)
    assert.deepEqual(events, ['over', `length ${SIZE + 1}`, 'complete'])
    assert.deepEqual(await readAll(task), generatedContent(SIZE + 1, 2))
  })

  it('has failed for those who cannot start over', async () => {
    const url = fixture.origin.add('/f', changing({ size: SIZE, seed: 2 }))
    const task = await fixture.obtain(specOf(url))
    const { startedOver: _, ...rigid } = silent
    const ended = Promise.withResolvers<string>()
    task.subscribe({ ...rigid, ended: (state) => ended.resolve(state.type === 'failed' ? state.error.code : state.type) })
    fixture.origin.resume('/f')
    assert.equal(await ended.promise, 'ORIGIN_CHANGED')
    assert.equal((await whenEnded(task)).type, 'complete')
  })

  it('fails when it changes once more, and keeps nothing', async () => {
    const third = { size: SIZE, seed: 3 }
    const second = { size: SIZE, seed: 2, cut: { after: PIECE, times: Number.POSITIVE_INFINITY }, later: { after: 3, content: third } }
    const url = fixture.origin.add('/f', changing(second))
    const task = await fixture.obtain(specOf(url))
    fixture.origin.resume('/f')
    assert.equal(await failureOf(task), 'ORIGIN_CHANGED')
    assert.equal(await fixture.store.open(task.spec.taskId), undefined)
  })

  it('fails when somebody still reads the old content', async () => {
    const url = fixture.origin.add('/f', changing({ size: SIZE, seed: 2 }))
    const task = await fixture.obtain(specOf(url))
    const release = task.stored.use()
    fixture.origin.resume('/f')
    assert.equal(await failureOf(task), 'ORIGIN_CHANGED')
    release()
  })
})
