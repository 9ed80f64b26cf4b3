/// <reference types="mocha" />
import assert from 'node:assert/strict'
import type { StoreUnderTest } from './store-under-test.ts'
import { contentOf, readPiece, storeAll, storePiece } from './task-fixtures.ts'

export function describeReading(tested: StoreUnderTest): void {
  describe('reading pieces', () => {
    const content = contentOf(10_000, 'reading')

    it('reads any part of a piece', async () => {
      const task = await tested.create()
      await storeAll(task, content)
      for (const [index, offset, length] of [[0, 0, 1], [0, 4095, 1], [1, 100, 3000], [2, 0, 1808], [2, 1808, 0]] as const) {
        const target = new Uint8Array(length)
        await task.read(index, offset, target)
        const start = index * 4096 + offset
        assert.deepEqual(target, content.slice(start, start + length))
      }
    })

    it('reads at once, where it can, the same bytes', async () => {
      const task = await tested.create()
      await storeAll(task, content)
      const target = new Uint8Array(1000)
      await task.read(1, 50, target)
      const again = new Uint8Array(1000)
      if (!task.readNow(1, 50, again)) await task.read(1, 50, again)
      assert.deepEqual(again, target)
      assert.throws(() => task.readNow(0, 4096, new Uint8Array(1)), RangeError)
      assert.throws(() => task.readNow(9, 0, new Uint8Array(1)), { code: 'TASK_NOT_FOUND' })
    })

    it('reads many pieces at the same time', async () => {
      const task = await tested.create()
      await storeAll(task, content)
      const targets = await Promise.all(
        Array.from({ length: 60 }, async (_, reader) => {
          const target = new Uint8Array(1000)
          await task.read(reader % 2, reader * 10, target)
          return { target, start: (reader % 2) * 4096 + reader * 10 }
        }),
      )
      for (const { target, start } of targets) assert.deepEqual(target, content.slice(start, start + 1000))
    })

    it('finds nothing wrong with pieces that are right, or not here', async () => {
      const task = await tested.create()
      await storePiece(task, content, 0)
      assert.equal(await task.check(0), true)
      assert.equal(await task.check(1), true)
      assert.deepEqual([...task.have().members()], [0])
      assert.deepEqual(await readPiece(task, 0), content.slice(0, 4096))
    })

    it('reads nothing of a piece that is not here', async () => {
      const task = await tested.create()
      await storePiece(task, content, 0)
      await assert.rejects(task.read(1, 0, new Uint8Array(1)), { code: 'TASK_NOT_FOUND' })
      await assert.rejects(task.read(9, 0, new Uint8Array(1)), { code: 'TASK_NOT_FOUND' })
    })

    it('reads nothing outside a piece', async () => {
      const task = await tested.create()
      await storeAll(task, content)
      await assert.rejects(task.read(0, 4096, new Uint8Array(1)), RangeError)
      await assert.rejects(task.read(0, -1, new Uint8Array(1)), RangeError)
      await assert.rejects(task.read(2, 0, new Uint8Array(1809)), RangeError)
    })
  })
}
