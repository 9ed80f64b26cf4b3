import assert from 'node:assert/strict'
import { sha256, VirtualClock } from '@damselfly/shared'
import { generatedContent } from '../../src/testing/index.ts'
import { CdnFixture, NOBODY, readAll, specOf, whenEnded } from './cdn-fixture.ts'

describe('the CDN, holding a content', () => {
  let clock: VirtualClock
  let fixture: CdnFixture
  beforeEach(async () => {
    clock = new VirtualClock()
    fixture = await CdnFixture.create({}, clock)
  })
  afterEach(() => fixture.remove())

  const later = (): void => clock.advance(60_001)

  it('asks the origin now and then, without a body, whether it is still the same', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: 1000 }))
    const task = await fixture.obtainWhole(spec)
    await fixture.obtain(spec)
    assert.equal(fixture.origin.stats('/f').heads, 0)
    later()
    assert.deepEqual(new Set(await Promise.all([fixture.obtain(spec), fixture.obtain(spec)])), new Set([task]))
    const { gets, heads, bodyBytes } = fixture.origin.stats('/f')
    assert.deepEqual({ gets, heads, bodyBytes }, { gets: 1, heads: 1, bodyBytes: 1000 })
  })

  it('fetches it anew, once for all, when it has changed', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: 1000 }))
    await fixture.obtainWhole(spec)
    fixture.origin.add('/f', { size: 1000, seed: 2 })
    later()
    const tasks = await Promise.all(Array.from({ length: 20 }, () => fixture.obtain(spec)))
    await Promise.all(tasks.map(whenEnded))
    for (const task of tasks) assert.deepEqual(await readAll(task), generatedContent(1000, 2))
    assert.equal(fixture.origin.stats('/f').gets, 2)
  })

  it('hands it out as it is when the origin does not answer, or somebody still reads it', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: 1000 }))
    const task = await fixture.obtainWhole(spec)
    fixture.origin.add('/f', { status: 503 })
    later()
    assert.equal(await fixture.obtain(spec), task)
    fixture.origin.add('/f', { size: 1000, seed: 2 })
    const release = task.stored.use()
    later()
    assert.equal(await fixture.obtain(spec), task)
    release()
  })

  it('asks nothing where the content is known by its digest', async () => {
    const spec = specOf(fixture.origin.add('/f', { size: 1000 }), { expectedDigest: sha256(generatedContent(1000)) })
    await fixture.obtainWhole(spec)
    later()
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
    const spec = specOf(fixture.origin.add('/f', { size: 1000 }))
    await fixture.obtainWhole(spec)
    await fixture.store.delete(spec.taskId)
    assert.equal(fixture.cdn.get(spec.taskId), undefined)
    await fixture.obtainWhole(spec)
    assert.equal(fixture.origin.stats('/f').gets, 2)
  })
})
