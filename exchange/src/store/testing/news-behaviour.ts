/// <reference types="mocha" />
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import type { Sha256 } from '@damselfly/shared'
import type { StoreUnderTest } from './store-under-test.ts'
import { contentOf, storeAll, storePiece } from './task-fixtures.ts'

export function describeNews(tested: StoreUnderTest): void {
  describe('telling of pieces', () => {
    const content = contentOf(10_000, 'news')
    const never = new AbortController().signal

    it('wakes whoever waits for a piece', async () => {
      const task = await tested.create()
      const waits = [task.whenAvailable(1, never), task.whenAvailable(1, never)]
      await storePiece(task, content, 1)
      await Promise.all(waits)
      await task.whenAvailable(1, never)
    })

    it('lets a wait be given up, and leaves no listener behind', async () => {
      const task = await tested.create()
      const controller = new AbortController()
      const waiting = task.whenAvailable(1, controller.signal)
      const woken = task.whenAvailable(0, controller.signal)
      await storePiece(task, content, 0)
      await woken
      const reason = new Error('enough')
      controller.abort(reason)
      await assert.rejects(waiting, reason)
      await assert.rejects(task.whenAvailable(1, controller.signal), reason)
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
    })

    it('ends waits for pieces that the content turns out not to have', async () => {
      const task = await tested.create({ contentLength: undefined })
      const waiting = assert.rejects(task.whenAvailable(3, never), RangeError)
      await task.update({ contentLength: 10_000 })
      await waiting
      await assert.rejects(task.whenAvailable(3, never), RangeError)
    })

    it('ends waits when the task is deleted and when the store stops', async () => {
      const task = await tested.create()
      const waiting = task.whenAvailable(1, never)
      const [ended] = await Promise.allSettled([waiting, tested.store.delete(task.record.taskId)])
      assert.equal(ended.status === 'rejected' && ended.reason.code, 'TASK_NOT_FOUND')
      const stopped = (await tested.create()).whenAvailable(1, never)
      const [stop] = await Promise.allSettled([stopped, tested.store.stop()])
      assert.equal(stop.status === 'rejected' && stop.reason.code, 'CANCELLED')
    })

    it('tells listeners of each new piece once it counts', async () => {
      const task = await tested.create()
      const heard: (readonly [number, Sha256])[] = []
      const remove = task.onPiece((index, digest) => {
        assert.ok(task.has(index))
        heard.push([index, digest])
      })
      const digest = await storePiece(task, content, 2)
      assert.deepEqual(heard, [[2, digest]])
      remove()
      await storePiece(task, content, 0)
      assert.equal(heard.length, 1)
    })

    it('tells everybody although one listener fails', async () => {
      const task = await tested.create()
      const heard: number[] = []
      task.onPiece(() => {
        throw new Error('a defect of a listener')
      })
      task.onPiece((index) => heard.push(index))
      await storeAll(task, content)
      assert.deepEqual(heard, [0, 1, 2])
      assert.ok(task.isComplete)
    })
  })
}
