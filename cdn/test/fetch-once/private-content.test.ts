import assert from 'node:assert/strict'
import { sha256, VirtualClock, type HeaderMap } from '@damselfly/shared'
import { generatedContent } from '../../src/testing/index.ts'
import type { ContentSpec } from '../../src/index.ts'
import { CdnFixture, NOBODY, readAll, specOf } from './cdn-fixture.ts'

const ALICE: HeaderMap = new Map([['authorization', 'Bearer alice']])
const MALLORY: HeaderMap = new Map([['authorization', 'Bearer mallory']])
const SECRET = { size: 1000, requireHeader: ['authorization', 'Bearer alice'] } as const

describe('the CDN, with private content', () => {
  const clock = new VirtualClock()
  let fixture: CdnFixture
  beforeEach(async () => void (fixture = await CdnFixture.create({}, clock)))
  afterEach(() => fixture.remove())

  const authorize = (spec: ContentSpec, credentials: HeaderMap, leastMs?: number): Promise<number> =>
    fixture.cdn.authorize(spec, credentials, new AbortController().signal, leastMs)

  it('leaves credentials unused where the origin serves everybody', async () => {
    const task = await fixture.obtainWhole(specOf(fixture.origin.add('/f', { size: 10 })), ALICE)
    assert.equal(task.isPrivate, false)
    assert.equal(fixture.origin.stats('/f').headers[0]?.authorization, undefined)
  })

  it('uses them where the origin refuses strangers, and calls the task private', async () => {
    const spec = specOf(fixture.origin.add('/f', SECRET))
    const task = await fixture.obtainWhole(spec, ALICE)
    assert.equal(task.isPrivate, true)
    assert.deepEqual(await readAll(task), generatedContent(1000))
    await fixture.restart()
    await assert.rejects(fixture.obtain(spec), { code: 'ORIGIN_UNAUTHORIZED' })
    assert.equal((await fixture.obtain(spec, ALICE)).isPrivate, true)
  })

  it('takes credentials in the URL or among the variant headers for what they are', async () => {
    const basic = `Basic ${Buffer.from('al:ice').toString('base64')}`
    const url = fixture.origin.add('/f', { size: 10, requireHeader: ['authorization', basic] })
    const task = await fixture.obtainWhole(specOf(url.replace('//', '//al:ice@')))
    assert.equal(task.isPrivate, true)
    assert.equal(task.stored.record.url, url)
    const spec = specOf(fixture.origin.add('/g', SECRET), { variantHeaders: ALICE })
    const other = await fixture.obtainWhole(spec)
    assert.equal(other.isPrivate, true)
    assert.deepEqual(other.stored.record.headers, [])
  })

  it('refuses a caller whom the origin refuses', async () => {
    const spec = specOf(fixture.origin.add('/f', SECRET))
    await assert.rejects(fixture.obtain(spec, NOBODY), { code: 'ORIGIN_UNAUTHORIZED' })
    await assert.rejects(fixture.obtain(spec, MALLORY), { code: 'ORIGIN_UNAUTHORIZED' })
    await fixture.obtainWhole(spec, ALICE)
    await assert.rejects(authorize(spec, NOBODY), { code: 'ORIGIN_UNAUTHORIZED' })
    await assert.rejects(authorize(spec, MALLORY), { code: 'ORIGIN_UNAUTHORIZED' })
    await authorize(spec, ALICE)
  })

  it("does not let one caller's wrong credentials fail another's right ones", async () => {
    const spec = specOf(fixture.origin.add('/f', SECRET))
    const callers = [NOBODY, MALLORY, ALICE, ALICE].map((credentials) => fixture.obtain(spec, credentials))
    const outcomes = await Promise.allSettled(callers)
    assert.deepEqual(outcomes.map(({ status }) => status), ['rejected', 'rejected', 'fulfilled', 'fulfilled'])
  })

  it('asks the origin without a body, and once in five minutes for the same credentials', async () => {
    const spec = specOf(fixture.origin.add('/f', SECRET))
    await Promise.all([authorize(spec, ALICE), authorize(spec, ALICE)])
    clock.advance(299_000)
    await authorize(spec, ALICE)
    assert.equal(fixture.origin.stats('/f').heads, 1)
    clock.advance(2_000)
    await authorize(spec, ALICE)
    const { heads, gets, bodyBytes } = fixture.origin.stats('/f')
    assert.deepEqual({ heads, gets, bodyBytes }, { heads: 2, gets: 0, bodyBytes: 0 })
  })

  it('says how long consent holds, and asks again for more than is left of it', async () => {
    const spec = specOf(fixture.origin.add('/f', SECRET))
    assert.equal(await authorize(spec, ALICE), 5 * 60_000)
    clock.advance(4 * 60_000)
    assert.equal(await authorize(spec, ALICE, 59_000), 60_000)
    assert.equal(fixture.origin.stats('/f').heads, 1)
    assert.equal(await authorize(spec, ALICE, 60_000), 5 * 60_000)
    assert.equal(fixture.origin.stats('/f').heads, 2)
  })

  it('lets a fetch that goes on for long prove nothing for ever', async () => {
    const spec = specOf(fixture.origin.add('/f', { ...SECRET, size: 3_000_000, pauseAfter: 10 }))
    await fixture.obtain(spec, ALICE)
    clock.advance(4 * 60_000)
    assert.equal(await authorize(spec, ALICE), 60_000)
    clock.advance(60_001)
    await authorize(spec, ALICE)
    assert.equal(fixture.origin.stats('/f').heads, 1)
  })

  it('remembers a refusal for seconds only', async () => {
    const spec = specOf(fixture.origin.add('/f', SECRET))
    await assert.rejects(authorize(spec, MALLORY), { code: 'ORIGIN_UNAUTHORIZED' })
    await assert.rejects(authorize(spec, MALLORY), { code: 'ORIGIN_UNAUTHORIZED' })
    assert.equal(fixture.origin.stats('/f').heads, 1)
    fixture.origin.add('/f', { ...SECRET, requireHeader: ['authorization', 'Bearer mallory'] })
    clock.advance(5_001)
    await authorize(spec, MALLORY)
  })

  it('does not ask again for the caller whose credentials fetched it', async () => {
    const spec = specOf(fixture.origin.add('/f', SECRET))
    await fixture.obtainWhole(spec, ALICE)
    await authorize(spec, ALICE)
    assert.equal(fixture.origin.stats('/f').heads, 0)
  })

  it('opens a private content by its digest to nobody who can only reach another one', async () => {
    const expectedDigest = sha256(generatedContent(1000))
    await fixture.obtainWhole(specOf(fixture.origin.add('/f', SECRET), { expectedDigest }), ALICE)
    const decoy = specOf(fixture.origin.add('/decoy', { size: 5 }), { expectedDigest })
    await assert.rejects(authorize(decoy, NOBODY), { code: 'ORIGIN_UNAUTHORIZED' })
    const elsewhere = specOf('http://127.0.0.1:9/f', { expectedDigest })
    await assert.rejects(authorize(elsewhere, MALLORY), { code: 'ORIGIN_UNAUTHORIZED' })
    const mirror = specOf(fixture.origin.add('/mirror', { size: 1000 }), { expectedDigest })
    await authorize(mirror, NOBODY)
  })

  it("does not give one caller's content to another whom the same URL serves another one", async () => {
    const mine = { size: 1000, seed: 1, requireHeader: ['authorization', 'Bearer alice'] } as const
    const yours = { size: 1000, seed: 2, requireHeader: ['authorization', 'Bearer mallory'] } as const
    const spec = specOf(fixture.origin.add('/f', mine))
    const first = await fixture.obtainWhole(spec, ALICE)
    fixture.origin.add('/f', yours)
    await assert.rejects(authorize(spec, MALLORY), { code: 'ORIGIN_CHANGED' })
    const second = await fixture.obtainWhole(spec, MALLORY)
    assert.notEqual(second, first)
    assert.deepEqual(await readAll(second), generatedContent(1000, 2))
    // What Alice was allowed before is not what is held now.
    fixture.origin.add('/f', mine)
    await assert.rejects(authorize(spec, ALICE), { code: 'ORIGIN_CHANGED' })
  })

  it('does not share a fetch that goes on with one who cannot be shown to get the same', async () => {
    const bare = { ...SECRET, size: 3_000_000, etag: '', pauseAfter: 10 }
    const spec = specOf(fixture.origin.add('/f', bare))
    const task = await fixture.obtain(spec, ALICE)
    assert.equal(task.state.type, 'fetching')
    await authorize(spec, ALICE)
    fixture.origin.add('/f', { ...bare, requireHeader: ['authorization', 'Bearer mallory'] })
    await assert.rejects(authorize(spec, MALLORY), { code: 'ORIGIN_CHANGED' })
    assert.equal(fixture.origin.stats('/f').heads, 1)
  })

  it('ends for a caller whose access is revoked, in minutes, and for nobody else', async () => {
    const spec = specOf(fixture.origin.add('/f', SECRET))
    await fixture.obtainWhole(spec, ALICE)
    fixture.origin.add('/f', { ...SECRET, requireHeader: ['authorization', 'Bearer mallory'] })
    await authorize(spec, ALICE)
    clock.advance(5 * 60_000 + 1)
    await assert.rejects(authorize(spec, ALICE), { code: 'ORIGIN_UNAUTHORIZED' })
    await assert.rejects(fixture.obtain(spec, ALICE), { code: 'ORIGIN_UNAUTHORIZED' })
    await authorize(spec, MALLORY)
  })

  it('asks again in minutes, however long the origin lets a content be fresh', async () => {
    const lasting = { ...SECRET, headers: { 'cache-control': 'public, max-age=86400' } }
    const spec = specOf(fixture.origin.add('/f', lasting))
    await fixture.obtainWhole(spec, ALICE)
    fixture.origin.add('/f', { ...lasting, requireHeader: ['authorization', 'Bearer mallory'] })
    clock.advance(4 * 60_000)
    await fixture.obtain(spec, ALICE)
    clock.advance(61_000)
    await fixture.obtain(spec, ALICE)
    await assert.rejects(authorize(spec, ALICE), { code: 'ORIGIN_UNAUTHORIZED' })
  })

  it('becomes private when the origin begins to refuse strangers', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: 1000 }))
    const task = await fixture.obtainWhole(spec)
    const told: string[] = []
    fixture.cdn.onTurnedPrivate((taskId) => told.push(taskId))
    clock.advance(10_000)
    await fixture.obtain(spec, MALLORY)
    assert.deepEqual(told, [])
    fixture.origin.add('/f', SECRET)
    clock.advance(10_000)
    await assert.rejects(fixture.obtain(spec, NOBODY), { code: 'ORIGIN_UNAUTHORIZED' })
    assert.equal(task.isPrivate, true)
    assert.equal(await fixture.obtain(spec, ALICE), task)
    await assert.rejects(authorize(spec, MALLORY), { code: 'ORIGIN_UNAUTHORIZED' })
    await assert.rejects(fixture.obtain(spec, MALLORY), { code: 'ORIGIN_UNAUTHORIZED' })
    assert.deepEqual(told, [spec.taskId])
  })

  it('waits a moment where the origin asks for that', async () => {
    const busy = { times: 2, status: 503, retryAfter: '1' }
    const spec = specOf(fixture.origin.add('/f', { ...SECRET, failFirst: busy }))
    const authorized = authorize(spec, ALICE)
    for (const asked of [1, 2]) {
      await fixture.origin.when('/f', ({ heads, open }) => heads === asked && open === 0)
      while (clock.pending === 0) await new Promise(setImmediate)
      clock.advance(999)
      assert.equal(clock.pending, 1)
      clock.advance(1)
    }
    assert.equal(await authorized, 5 * 60_000)
    assert.equal(fixture.origin.stats('/f').heads, 3)
  })

  it('passes other failures on and forgets them', async () => {
    const spec = specOf(fixture.origin.add('/f', { failFirst: { times: 1, status: 503, retryAfter: '60' }, size: 5 }))
    await assert.rejects(authorize(spec, ALICE), { code: 'ORIGIN_STATUS' })
    await authorize(spec, ALICE)
  })
})
