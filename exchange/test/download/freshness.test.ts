import assert from 'node:assert/strict'
import { DamselflyError, isDamselflyError, VirtualClock, type TaskId } from '@damselfly/shared'
import { Freshness } from '../../src/download/freshness.ts'
import type { OriginContent } from '../../src/download/origin-reader.ts'
import type { DownloadTask } from '../../src/download/task-download.ts'
import type { StoredTask, TaskRecord } from '../../src/store/piece-store.ts'

const FRESH_FOR = 5000
const never = new AbortController().signal

describe('the freshness of a whole content', () => {
  let clock: VirtualClock
  let freshness: Freshness
  let questions: number
  let etag: string
  let failure: DamselflyError | undefined

  beforeEach(() => {
    clock = new VirtualClock()
    freshness = new Freshness(clock, FRESH_FOR)
    questions = 0
    etag = '"v1"'
    failure = undefined
  })

  async function probe(): Promise<OriginContent> {
    questions++
    if (failure !== undefined) throw failure
    return { contentLength: 9, acceptsRanges: true, etag, lastModified: '' }
  }

  function held(change: Partial<TaskRecord> = {}): StoredTask {
    return { record: { contentLength: 9, etag: '"v1"', lastModified: '', isPrivate: false, ...change } } as unknown as StoredTask
  }

  function task(token?: string, change: Partial<DownloadTask> = {}): DownloadTask {
    return {
      taskId: 'a'.repeat(64) as TaskId,
      identity: { url: 'https://origin.example/file' },
      credentials: new Map(token === undefined ? [] : [['authorization', token]]),
      order: 'rarest-first',
      origin: { probe, read: () => assert.fail('nothing is read') },
      backToSource: true,
      priority: () => 'foreground',
      ...change,
    }
  }

  it('is asked of the origin once for a while', async () => {
    const stored = held()
    for (let time = 0; time < 3 * FRESH_FOR; time += 50) {
      assert.equal(await freshness.check(stored, task(), never), 'current')
      clock.advance(50)
    }
    assert.equal(questions, 3)
  })

  it('ends not later than the time after the question', async () => {
    const stored = held()
    assert.equal(await freshness.check(stored, task(), never), 'current')
    etag = '"v2"'
    clock.advance(FRESH_FOR - 1)
    assert.equal(await freshness.check(stored, task(), never), 'current')
    clock.advance(1)
    assert.equal(await freshness.check(stored, task(), never), 'changed')
    assert.equal(await freshness.check(stored, task(), never), 'changed', 'a change is never remembered as anything else')
  })

  it('counts from the question, not from the answer', async () => {
    const stored = held()
    const slow = { probe: () => (clock.advance(FRESH_FOR - 1), probe()), read: () => assert.fail() }
    await freshness.check(stored, task(undefined, { origin: slow }), never)
    clock.advance(1)
    await freshness.check(stored, task(), never)
    assert.equal(questions, 2)
  })

  it('is that of what is here, not of what was here before', async () => {
    await freshness.check(held(), task(), never)
    assert.equal(await freshness.check(held({ etag: '"v0"' }), task(), never), 'changed')
  })

  it('is proved by each caller of a private content', async () => {
    const stored = held({ isPrivate: true })
    await freshness.check(stored, task('one'), never)
    await freshness.check(stored, task('one'), never)
    assert.equal(questions, 1)
    failure = new DamselflyError('ORIGIN_UNAUTHORIZED', 'no')
    for (const token of ['two', undefined]) {
      await assert.rejects(freshness.check(stored, task(token), never), (error) => isDamselflyError(error, 'ORIGIN_UNAUTHORIZED'))
    }
  })

  it('needs no question where the digest is known or the origin may not be used, unless the content is private', async () => {
    const named = task(undefined, { identity: { url: 'https://origin.example/file', digest: new Uint8Array(32) } })
    const withoutOrigin = task(undefined, { backToSource: false })
    for (const one of [named, withoutOrigin]) {
      assert.equal(await freshness.check(held(), one, never), 'current')
      assert.equal(questions, 0)
      await freshness.check(held({ isPrivate: true }), one, never)
      assert.equal(questions, 1)
      questions = 0
    }
  })

  it('is unknown when the origin cannot be reached, and is asked again', async () => {
    const stored = held()
    failure = new DamselflyError('ORIGIN_UNREACHABLE', 'gone')
    assert.deepEqual(await freshness.check(stored, task(), never), { error: failure })
    failure = undefined
    assert.equal(await freshness.check(stored, task(), never), 'current')
  })

  it('is asked each time when nothing may be remembered', async () => {
    const [stored, always] = [held(), new Freshness(clock, 0)]
    for (let i = 0; i < 3; i++) await always.check(stored, task(), never)
    assert.equal(questions, 3)
  })
})
