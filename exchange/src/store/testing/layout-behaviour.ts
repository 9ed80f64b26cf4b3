/// <reference types="mocha" />
import assert from 'node:assert/strict'
import type { StoreUnderTest } from './store-under-test.ts'
import { contentOf, digestOf, readPiece, storePiece } from './task-fixtures.ts'

export function describeLayout(tested: StoreUnderTest): void {
  describe('learning the content length', () => {
    const content = contentOf(10_000, 'layout')

    it('takes full pieces while the length is unknown', async () => {
      const task = await tested.create({ contentLength: undefined })
      assert.equal(task.layout, undefined)
      assert.equal(task.have().size, 0)
      await storePiece(task, content, 1)
      assert.deepEqual([...task.have().members()], [1])
      assert.equal(task.have().size, 2)
      assert.equal(task.isComplete, false)
      assert.equal(task.verifiedBytes, 4096)
      assert.deepEqual(await readPiece(task, 1), content.slice(4096, 8192))
      assert.throws(() => task.claim(2, 1808), RangeError)
    })

    it('keeps pieces of an unknown length over a restart', async () => {
      const { record } = await tested.create({ contentLength: undefined })
      await storePiece((await tested.store.open(record.taskId))!, content, 1)
      const task = await (await tested.restart()).open(record.taskId)
      assert.deepEqual([...task!.have().members()], [1])
      assert.equal(task!.layout, undefined)
    })

    it('takes the last piece, shorter than the others, once the length is known', async () => {
      const task = await tested.create({ contentLength: undefined })
      await storePiece(task, content, 0)
      await storePiece(task, content, 1)
      const writer = task.claim(2, 4096)!
      await writer.write(content.subarray(8192))
      await task.update({ contentLength: 10_000 })
      assert.equal(task.isComplete, false)
      await writer.commit(digestOf(content.subarray(8192)))
      assert.ok(task.isComplete)
      assert.equal(task.verifiedBytes, 10_000)
      const again = await (await tested.restart()).open(task.record.taskId)
      assert.ok(again?.isComplete)
      assert.deepEqual(await readPiece(again, 2), content.slice(8192))
    })

    it('knows the length as soon as the update is called', async () => {
      const task = await tested.create({ contentLength: undefined })
      const updating = task.update({ contentLength: 10_000 })
      assert.equal(task.layout?.pieceCount, 3)
      await updating
    })

    it('is complete at once when the length shows that nothing is missing', async () => {
      const task = await tested.create({ contentLength: undefined })
      await storePiece(task, content, 0)
      await task.update({ contentLength: 4096 })
      assert.ok(task.isComplete)
    })

    it('refuses a second, different length', async () => {
      const task = await tested.create({ contentLength: undefined })
      await task.update({ contentLength: 10_000 })
      await task.update({ contentLength: 10_000 })
      await assert.rejects(task.update({ contentLength: 9999 }), RangeError)
      await assert.rejects(task.update({ contentLength: -1 }), RangeError)
      assert.equal(task.layout?.contentLength, 10_000)
    })

    it('forgets pieces that the content turns out not to have', async () => {
      const task = await tested.create({ contentLength: undefined })
      for (const index of [0, 1]) await storePiece(task, content, index)
      await task.update({ contentLength: 5000 })
      assert.deepEqual([...task.have().members()], [0])
      assert.equal(task.verifiedBytes, 4096)
      const again = await (await tested.restart()).open(task.record.taskId)
      assert.deepEqual([...again!.have().members()], [0])
    })

    it('refuses a piece past the end that was begun before the end was known', async () => {
      const task = await tested.create({ contentLength: undefined })
      const writer = task.claim(2, 4096)!
      await writer.write(content.subarray(0, 4096))
      await task.update({ contentLength: 5000 })
      await assert.rejects(writer.commit(undefined), { code: 'PIECE_CORRUPT' })
      assert.deepEqual([...task.have().members()], [])
    })

    it('takes another piece size only as long as no piece was begun', async () => {
      const task = await tested.create({ contentLength: undefined })
      await task.update({ pieceSize: 2048, contentLength: 10_000 })
      assert.equal(task.layout?.pieceCount, 5)
      await assert.rejects(task.update({ pieceSize: 4096 }), RangeError)
    })
  })
}
