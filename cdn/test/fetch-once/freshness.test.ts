import assert from 'node:assert/strict'
import { sha256, VirtualClock, type DamselflyError } from '@damselfly/shared'
import { generatedContent, type OriginContent } from '../../src/testing/index.ts'
import type { CdnLimits } from '../../src/index.ts'
import { CdnFixture, NOBODY, readAll, specOf, whenEnded } from './cdn-fixture.ts'

const SIZE = 1000
const DATE = 'Wed, 21 Oct 2026 07:28:00 GMT'
const HOUR = 3_600_000

describe('the CDN, holding a content', () => {
  let clock: VirtualClock
  let fixture: CdnFixture
  const start = async (limits: Partial<CdnLimits> = {}): Promise<void> => {
    clock = new VirtualClock()
    fixture = await CdnFixture.create({ freshnessTries: 1, ...limits }, clock)
  }
  beforeEach(() => start())
  afterEach(() => fixture.remove())

  const cached = (control: string, more: OriginContent = {}): OriginContent => ({ size: SIZE, headers: { 'cache-control': control }, ...more })

  it('asks the origin now and then, without a body, whether it is still the same', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: SIZE }))
    const task = await fixture.obtainWhole(spec)
    await fixture.obtain(spec)
    assert.equal(fixture.origin.stats('/f').heads, 0)
    clock.advance(60_001)
    assert.deepEqual(new Set(await Promise.all([fixture.obtain(spec), fixture.obtain(spec)])), new Set([task]))
    const { gets, heads, bodyBytes } = fixture.origin.stats('/f')
    assert.deepEqual({ gets, heads, bodyBytes }, { gets: 1, heads: 1, bodyBytes: SIZE })
    assert.equal(fixture.cdn.stats().revalidatedSame, 1)
  })

  const proofs: Record<string, readonly [OriginContent, string, string]> = {
    'the strong tag': [{ etag: '"a"' }, 'if-none-match', '"a"'],
    'the weak tag': [{ etag: 'W/"a"' }, 'if-none-match', 'W/"a"'],
    'the date': [{ etag: '', lastModified: DATE }, 'if-modified-since', DATE],
  }
  for (const [proof, [content, header, value]] of Object.entries(proofs)) {
    it(`asks on the condition of ${proof}, and takes 304 for an answer`, async () => {
      const spec = specOf(fixture.origin.add('/f', { size: SIZE, ...content }))
      const task = await fixture.obtainWhole(spec)
      clock.advance(60_000)
      assert.equal(await fixture.obtain(spec), task)
      const { headers, notModified } = fixture.origin.stats('/f')
      assert.equal(headers.at(-1)?.[header], value)
      assert.equal(notModified, 1)
    })
  }

  it('asks on a condition by GET too, where HEAD is refused', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: SIZE, headStatus: 405 }))
    const task = await fixture.obtainWhole(spec)
    clock.advance(60_000)
    assert.equal(await fixture.obtain(spec), task)
    const { bodyBytes, notModified } = fixture.origin.stats('/f')
    assert.deepEqual({ bodyBytes, notModified }, { bodyBytes: SIZE, notModified: 1 })
  })

  it('fetches it anew, once for all, when it has changed', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: SIZE }))
    await fixture.obtainWhole(spec)
    fixture.origin.add('/f', { size: SIZE, seed: 2 })
    clock.advance(60_001)
    const superseded: string[] = []
    fixture.cdn.onSuperseded((taskId) => superseded.push(taskId))
    const tasks = await Promise.all(Array.from({ length: 20 }, () => fixture.obtain(spec)))
    await Promise.all(tasks.map(whenEnded))
    for (const task of tasks) assert.deepEqual(await readAll(task), generatedContent(SIZE, 2))
    assert.equal(fixture.origin.stats('/f').gets, 2)
    assert.deepEqual(superseded, [spec.taskId])
  })

  it('fetches it anew where the origin gives nothing to tell versions by, once for those who come together', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: SIZE, etag: '' }))
    await fixture.obtainWhole(spec)
    fixture.origin.add('/f', { size: SIZE, etag: '', seed: 2 })
    await fixture.obtain(spec)
    clock.advance(60_000)
    const tasks = await Promise.all([fixture.obtain(spec), fixture.obtain(spec)])
    await Promise.all(tasks.map(whenEnded))
    for (const task of tasks) assert.deepEqual(await readAll(task), generatedContent(SIZE, 2))
    assert.equal(fixture.origin.stats('/f').gets, 2)
  })

  it('asks nothing where the content is known by its digest, also of a dead origin', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: SIZE }), { expectedDigest: sha256(generatedContent(SIZE)) })
    await fixture.obtainWhole(spec)
    fixture.origin.add('/f', { status: 503 })
    clock.advance(HOUR)
    await fixture.restart()
    await fixture.obtain(spec)
    assert.equal(fixture.origin.stats('/f').heads, 0)
  })

  it('asks at once when told to, and says what came of it', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: 1000 }))
    await assert.rejects(fixture.cdn.confirm(spec.taskId, NOBODY), { code: 'TASK_NOT_FOUND' })
    await fixture.obtainWhole(spec)
    assert.equal(await fixture.cdn.confirm(spec.taskId, NOBODY), true)
    assert.equal(fixture.origin.stats('/f').heads, 1)
    fixture.origin.add('/f', { status: 404 })
    await assert.rejects(fixture.cdn.confirm(spec.taskId, NOBODY), { code: 'ORIGIN_NOT_FOUND' })
    fixture.origin.add('/f', { size: 1000, seed: 2 })
    assert.equal(await fixture.cdn.confirm(spec.taskId, NOBODY), false)
    assert.deepEqual(await readAll(await fixture.obtainWhole(spec)), generatedContent(1000, 2))
  })

  it('no longer hands out what was deleted from the store', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: SIZE }))
    await fixture.obtainWhole(spec)
    await fixture.store.delete(spec.taskId)
    assert.equal(fixture.cdn.get(spec.taskId), undefined)
    await fixture.obtainWhole(spec)
    assert.equal(fixture.origin.stats('/f').gets, 2)
  })

  describe('of which the origin says how long it is fresh', () => {
    /** @returns whether the origin was asked that long after the fetch */
    async function isAskedAfter(control: string, ms: number, headers: Record<string, string> = {}): Promise<boolean> {
      const spec = specOf(fixture.origin.add('/f', { size: SIZE, headers: { ...(control === '' ? {} : { 'cache-control': control }), ...headers } }))
      await fixture.obtainWhole(spec)
      clock.advance(ms)
      await fixture.obtain(spec)
      const { heads, gets } = fixture.origin.stats('/f')
      return heads + gets > 1
    }
    const cases: readonly (readonly [string, number, boolean, Record<string, string>?])[] = [
      ['', 4_900, false],
      ['', 5_100, true],
      ['max-age=60', 59_000, false],
      ['max-age=60', 61_000, true],
      ['max-age=60', 21_000, true, { age: '40' }],
      ['max-age=10, s-maxage=60', 59_000, false],
      ['max-age=60, s-maxage=10', 11_000, true],
      ['no-cache', 1, true],
      ['max-age=0, must-revalidate', 1, true],
      ['proxy-revalidate, max-age=60', 1, true],
      ['', 59_000, false, { date: DATE, expires: 'Wed, 21 Oct 2026 07:29:00 GMT' }],
      ['', 61_000, true, { date: DATE, expires: 'Wed, 21 Oct 2026 07:29:00 GMT' }],
      ['', 1, true, { expires: '0' }],
      ['max-age=99999999', HOUR - 1000, false],
      ['max-age=99999999', HOUR + 1000, true],
      ['no-store', 2_500, true],
      ['private, max-age=60', 2_500, true],
    ]
    for (const [control, ms, isAsked, headers] of cases) {
      it(`'${control}'${headers === undefined ? '' : ` ${JSON.stringify(headers)}`}: ${isAsked ? 'is asked' : 'is not asked'} after ${ms} ms`, async () => {
        assert.equal(await isAskedAfter(control, ms, headers), isAsked)
      })
    }

    it('takes what a 304 says in place of what was said before', async () => {
      const spec = specOf(fixture.origin.add('/f', cached('max-age=10')))
      await fixture.obtainWhole(spec)
      fixture.origin.add('/f', cached('max-age=600'))
      clock.advance(11_000)
      await fixture.obtain(spec)
      clock.advance(599_000)
      await fixture.obtain(spec)
      assert.equal(fixture.origin.stats('/f').heads, 1)
    })

    for (const control of ['no-store', 'private']) {
      it(`fetches what is '${control}' anew for those who come later, although its tag is the same`, async () => {
        const spec = specOf(fixture.origin.add('/f', cached(control)))
        await Promise.all([fixture.obtainWhole(spec), fixture.obtainWhole(spec)])
        assert.equal(fixture.origin.stats('/f').gets, 1)
        clock.advance(2_100)
        await fixture.obtainWhole(spec)
        assert.equal(fixture.origin.stats('/f').gets, 2)
      })
    }
  })

  describe('while the origin fails', () => {
    async function heldSince(ms: number, content: OriginContent = { size: SIZE }): Promise<() => Promise<unknown>> {
      const spec = specOf(fixture.origin.add('/f', content))
      await fixture.obtainWhole(spec)
      fixture.origin.add('/f', { status: 503 })
      clock.advance(ms)
      return () => fixture.obtain(spec)
    }

    it('hands out nothing that is out of date, says why, and does not trouble the origin again at once', async () => {
      const obtain = await heldSince(60_000)
      await assert.rejects(Promise.all([obtain(), obtain()]), (error: DamselflyError) => {
        assert.equal(error.code, 'ORIGIN_STATUS')
        assert.match(error.message, /out of date.*503/)
        return true
      })
      await assert.rejects(obtain(), { code: 'ORIGIN_STATUS' })
      assert.equal(fixture.origin.stats('/f').heads, 1)
      fixture.origin.add('/f', { size: SIZE })
      clock.advance(3_001)
      await obtain()
      assert.equal(fixture.cdn.stats().staleHandedOut, 0)
    })

    it('asks again in a moment where the origin says that this is not the moment', async () => {
      await fixture.remove()
      await start({ freshnessTries: 3, backoffMs: 250 })
      const spec = specOf(fixture.origin.add('/f', { size: SIZE }))
      await fixture.obtainWhole(spec)
      // Two answers, and a third one that would be right.
      fixture.origin.add('/f', { size: SIZE, failFirst: { times: 3, status: 503 } })
      clock.advance(60_000)
      const obtaining = fixture.obtain(spec)
      for (const [asked, pause] of [[1, 250], [2, 500]] as const) {
        await fixture.origin.when('/f', ({ heads, open }) => heads === asked && open === 0)
        // The other one is that of the question as a whole.
        while (clock.pending < 2) await new Promise(setImmediate)
        clock.advance(pause)
      }
      assert.equal((await obtaining).state.type, 'complete')
      assert.deepEqual([fixture.origin.stats('/f').heads, fixture.origin.stats('/f').gets], [3, 1])
    })

    const allowed: readonly (readonly [string, number, boolean])[] = [
      ['', 60_000, true],
      ['', 2 * HOUR, false],
      ['max-age=10, stale-if-error=20', 25_000, true],
      ['max-age=10, stale-if-error=20', 31_000, false],
      ['max-age=10, must-revalidate', 11_000, false],
      ['s-maxage=10', 11_000, false],
      ['no-cache', 1_000, false],
    ]
    for (const [control, ms, isHandedOut] of allowed) {
      it(`with stale-if-error of an hour ${isHandedOut ? 'hands out' : 'denies'} '${control}' after ${ms} ms`, async () => {
        await fixture.remove()
        await start({ staleIfErrorMs: HOUR })
        const obtain = await heldSince(ms, control === '' ? { size: SIZE } : cached(control))
        if (isHandedOut) await obtain()
        else await assert.rejects(obtain(), { code: 'ORIGIN_STATUS' })
        assert.equal(fixture.cdn.stats().staleHandedOut, isHandedOut ? 1 : 0)
      })
    }

    it('hands out to nobody what the origin calls gone, whatever is allowed', async () => {
      await fixture.remove()
      await start({ staleIfErrorMs: HOUR })
      const obtain = await heldSince(60_000)
      fixture.origin.add('/f', { status: 404 })
      await assert.rejects(obtain(), { code: 'ORIGIN_NOT_FOUND' })
    })
  })

  describe('that somebody reads when it has changed', () => {
    it('waits for the reader, whose content stays whole', async () => {
      const spec = specOf(fixture.origin.add('/f', { size: SIZE }))
      const old = await fixture.obtainWhole(spec)
      fixture.origin.add('/f', { size: SIZE, seed: 2 })
      clock.advance(60_000)
      const release = old.stored.use()
      const superseded = Promise.withResolvers<unknown>()
      fixture.cdn.onSuperseded(superseded.resolve)
      const obtaining = fixture.obtain(spec)
      await superseded.promise
      assert.deepEqual(await readAll(old), generatedContent(SIZE))
      release()
      const task = await turning(clock, obtaining)
      await whenEnded(task)
      assert.deepEqual(await readAll(task), generatedContent(SIZE, 2))
    })

    it('hands out neither the old nor the new one to others while it is read for too long', async () => {
      const spec = specOf(fixture.origin.add('/f', { size: SIZE }))
      const old = await fixture.obtainWhole(spec)
      fixture.origin.add('/f', { size: SIZE, seed: 2 })
      clock.advance(60_000)
      const release = old.stored.use()
      await assert.rejects(turning(clock, fixture.obtain(spec)), { code: 'TASK_BUSY' })
      assert.deepEqual(await readAll(old), generatedContent(SIZE))
      release()
    })
  })
})

/** Turns the clock until the promise is settled. */
async function turning<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  const progress = { isOver: false }
  const over = promise.finally(() => (progress.isOver = true))
  over.catch(() => undefined)
  while (!progress.isOver) {
    clock.advance(50)
    await new Promise(setImmediate)
  }
  return await over
}
