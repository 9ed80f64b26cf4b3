/// <reference types="mocha" />
import assert from 'node:assert/strict'
import type { TaskRecord } from '../piece-store.ts'
import type { StoreUnderTest } from './store-under-test.ts'
import { contentOf, digestOf, readPiece, storeAll, storePiece, taskIdOf, taskRecord } from './task-fixtures.ts'

const FULL_RECORD: TaskRecord = taskRecord({
  filteredQueryParams: ['signature'],
  tag: 'a tag',
  application: 'an application',
  range: { start: 5, end: 10_004 },
  headers: [['accept', 'text/plain']],
  expectedDigest: digestOf(Buffer.from('expected')),
  contentDigest: digestOf(Buffer.from('content')),
  etag: '"v1"',
  lastModified: 'Wed, 01 Jan 2025 00:00:00 GMT',
  isPrivate: true,
  pinned: true,
  signedManifest: Uint8Array.of(1, 2, 3, 255),
})

export function describeTasks(tested: StoreUnderTest): void {
  describe('keeping tasks', () => {
    const content = contentOf(10_000, 'tasks')

    it('has none at first', async () => {
      assert.deepEqual(tested.store.list(), [])
      assert.equal(await tested.store.open(taskIdOf('unknown')), undefined)
      assert.equal(tested.store.usedBytes, 0)
    })

    it('keeps every field of a record over a restart', async () => {
      await tested.create(FULL_RECORD)
      const store = await tested.restart()
      assert.deepEqual(await store.record(FULL_RECORD.taskId), FULL_RECORD)
      assert.deepEqual(await store.records([taskIdOf('unknown'), FULL_RECORD.taskId]), [undefined, FULL_RECORD])
      assert.equal(store.count, 1)
      assert.deepEqual((await store.open(FULL_RECORD.taskId))?.record, FULL_RECORD)
    })

    it('keeps verified pieces over a restart', async () => {
      const { taskId } = (await tested.create()).record
      const task = await tested.store.open(taskId)
      assert.ok(task)
      const digest = await storePiece(task, content, 1)
      const again = await (await tested.restart()).open(taskId)
      assert.ok(again)
      assert.deepEqual([...again.have().members()], [1])
      assert.deepEqual(again.digest(1), digest)
      assert.deepEqual(await readPiece(again, 1), content.slice(4096, 8192))
      assert.equal(tested.store.usedBytes, 4096)
    })

    it('keeps changes of a record over a restart', async () => {
      const task = await tested.create()
      await task.update({ etag: '"v2"', contentDigest: digestOf(content) })
      await task.update({ lastUsedAt: 77 })
      assert.equal(task.record.lastUsedAt, 77)
      const record = await (await tested.restart()).record(task.record.taskId)
      assert.deepEqual(record, taskRecord({ etag: '"v2"', contentDigest: digestOf(content), lastUsedAt: 77 }))
    })

    it('keeps counts of uses over a restart', async () => {
      const task = await tested.create()
      const uses = { hits: 3, servedBytes: 2 ** 40, originBytes: 10_000 }
      await task.update({ uses })
      assert.deepEqual(task.record.uses, uses)
      const store = await tested.restart()
      assert.deepEqual(await store.record(task.record.taskId), taskRecord({ uses }))
      assert.deepEqual(store.summary(task.record.taskId)?.uses, uses)
    })

    it('gives everybody the same task', async () => {
      const task = await tested.create()
      assert.equal(await tested.store.open(task.record.taskId), task)
      assert.equal(await tested.create(), task)
      const opened = await Promise.all([1, 2, 3].map(() => tested.store.open(task.record.taskId)))
      assert.deepEqual(new Set(opened), new Set([task]))
    })

    it('makes one task of two creations at the same time', async () => {
      const [a, b] = await Promise.all([tested.create(), tested.create()])
      assert.equal(a, b)
      assert.equal(tested.store.list().length, 1)
    })

    it('deletes a task of another layout before it makes room for the new one', async () => {
      const old = await tested.create()
      await storeAll(old, content)
      const task = await tested.create({ pieceSize: 8192 })
      assert.notEqual(task, old)
      assert.equal(task.verifiedBytes, 0)
      assert.equal(tested.store.usedBytes, 0)
      assert.equal(task.layout?.pieceCount, 2)
    })

    it('takes a length that was unknown from whoever knows it', async () => {
      const task = await tested.create({ contentLength: undefined })
      await storePiece(task, content, 0)
      assert.equal(await tested.create({ contentLength: 10_000 }), task)
      assert.equal(task.layout?.contentLength, 10_000)
      assert.equal(await tested.create({ contentLength: undefined }), task)
      assert.ok(task.has(0))
    })

    it('forgets a deleted task and its pieces', async () => {
      const task = await tested.create()
      await storeAll(task, content)
      await tested.store.delete(task.record.taskId)
      assert.equal(await tested.store.open(task.record.taskId), undefined)
      assert.deepEqual(tested.store.list(), [])
      assert.equal(tested.store.usedBytes, 0)
      assert.throws(() => task.claim(0, 4096), { code: 'TASK_NOT_FOUND' })
      await assert.rejects(readPiece(task, 0), { code: 'TASK_NOT_FOUND' })
      assert.equal((await tested.create()).verifiedBytes, 0)
      assert.deepEqual([...(await (await tested.restart()).open(task.record.taskId))!.have().members()], [])
    })

    it('deletes nothing of a task that it does not have', async () => {
      await tested.store.delete(taskIdOf('unknown'))
    })

    it('keeps a task that is in use', async () => {
      const task = await tested.create()
      const release = task.use()
      const releaseOther = task.use()
      release()
      release()
      await assert.rejects(tested.store.delete(task.record.taskId), { code: 'TASK_BUSY' })
      await assert.rejects(tested.create({ pieceSize: 8192 }), { code: 'TASK_BUSY' })
      releaseOther()
      await tested.store.delete(task.record.taskId)
    })

    it('keeps a task that is being written', async () => {
      const task = await tested.create()
      const writer = task.claim(0, 4096)
      await assert.rejects(tested.store.delete(task.record.taskId), { code: 'TASK_BUSY' })
      await writer?.abort()
      await tested.store.delete(task.record.taskId)
    })

    it('counts the verified bytes of all tasks', async () => {
      const one = await tested.create({ taskId: taskIdOf('one') })
      const two = await tested.create({ taskId: taskIdOf('two') })
      await storeAll(one, content)
      await storePiece(two, content, 2)
      assert.equal(one.verifiedBytes, 10_000)
      assert.equal(two.verifiedBytes, 1808)
      assert.equal(tested.store.usedBytes, 11_808)
      assert.equal((await tested.restart()).usedBytes, 11_808)
    })

    it('stops once, and ends what is being written', async () => {
      const task = await tested.create()
      const writer = task.claim(0, 4096)
      await writer?.write(content.subarray(0, 1000))
      await Promise.all([tested.store.stop(), tested.store.stop()])
      await tested.store.stop()
      await assert.rejects(writer!.commit(undefined), { code: 'CANCELLED' })
      assert.throws(() => task.claim(0, 4096), { code: 'CANCELLED' })
    })
  })
}
