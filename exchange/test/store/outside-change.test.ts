import assert from 'node:assert/strict'
import { appendFile, link, readFile, rm, stat, truncate, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { PieceStore, StoredTask } from '@damselfly/exchange'
import { contentOf, readPiece, storeAll, storePiece, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { VirtualClock } from '@damselfly/shared'
import { damage, overwrite } from './overwrite.ts'
import { StoreDirectory } from './store-directory.ts'

describe('a task file that somebody else changes', () => {
  let directory: StoreDirectory
  let clock: VirtualClock
  let store: PieceStore
  let task: StoredTask
  let output: string
  const content = contentOf(10_000, 'outside change')

  beforeEach(async () => {
    directory = await StoreDirectory.create()
    clock = new VirtualClock()
    store = await directory.start(clock)
    task = await store.create(taskRecord())
    await storeAll(task, content)
    output = join(directory.path, 'output')
    await link(task.path!, output)
    await readPiece(task, 0)
    clock.advance(1000)
  })

  afterEach(() => directory.dispose())

  it('is not looked at, nor hashed again, between its last piece and what is remembered of how it looks then', async () => {
    const other = await store.create(taskRecord({ taskId: taskIdOf('another') }))
    const read: boolean[] = []
    other.onPiece(() => {
      if (other.isComplete) read.push(other.readNow(0, 0, Buffer.alloc(4096)))
    })
    await storeAll(other, content)
    assert.deepEqual(read, [true])
  })

  it('is not served from where it was changed', async () => {
    await overwrite(output, 5000, Uint8Array.of(1, 2, 3))
    await assert.rejects(readPiece(task, 1), { code: 'TASK_NOT_FOUND' })
    assert.deepEqual([...task.have().members()], [0, 2])
    assert.equal(store.usedBytes, 10_000 - 4096)
    assert.deepEqual(await readPiece(task, 2), content.slice(8192))
  })

  it('keeps the change when the piece comes back', async () => {
    await overwrite(output, 5000, Uint8Array.of(1, 2, 3))
    await assert.rejects(readPiece(task, 1), { code: 'TASK_NOT_FOUND' })
    await storePiece(task, content, 1)
    assert.ok(task.isComplete)
    assert.deepEqual(await readPiece(task, 1), content.slice(4096, 8192))
    assert.deepEqual([...(await readFile(output)).subarray(5000, 5003)], [1, 2, 3])
    assert.equal((await stat(output)).nlink, 1)
  })

  it('is served again, as it was, after something was appended to it', async () => {
    await appendFile(output, 'one more line')
    assert.deepEqual(await readPiece(task, 2), content.slice(8192))
    assert.ok(task.isComplete)
    assert.equal((await stat(task.path!)).size, 10_000)
    assert.equal((await stat(output)).size, 10_013)
  })

  it('loses the pieces that were cut off, also between two looks', async () => {
    await readPiece(task, 0)
    await truncate(output, 6000)
    await assert.rejects(readPiece(task, 1), { code: 'TASK_NOT_FOUND' })
    assert.deepEqual([...task.have().members()], [0])
    assert.equal((await stat(output)).size, 6000)
  })

  it('keeps all its pieces when only its time was changed', async () => {
    await utimes(output, 1, 1)
    assert.deepEqual(await readPiece(task, 1), content.slice(4096, 8192))
    assert.ok(task.isComplete)
    assert.equal((await stat(output)).nlink, 2)
  })

  it('is seen as it is by whoever looks, whenever the last look was', async () => {
    await readPiece(task, 0)
    await overwrite(output, 5000, Uint8Array.of(1, 2, 3))
    assert.ok(task.isComplete)
    await task.look()
    assert.deepEqual([...task.have().members()], [0, 2])
  })

  it('is looked at once a second', async () => {
    await readPiece(task, 0)
    await overwrite(output, 5000, Uint8Array.of(1, 2, 3))
    clock.advance(999)
    await readPiece(task, 1)
    clock.advance(1)
    await assert.rejects(readPiece(task, 1), { code: 'TASK_NOT_FOUND' })
  })

  it('holds up all readers until it has been checked', async () => {
    await overwrite(output, 5000, Uint8Array.of(1, 2, 3))
    const reads = await Promise.allSettled(Array.from({ length: 20 }, () => readPiece(task, 1)))
    assert.ok(reads.every((read) => read.status === 'rejected' && read.reason.code === 'TASK_NOT_FOUND'))
  })

  it('is noticed over a restart, and hashed only then', async () => {
    await store.stop()
    await damage(task.path!, 0, Uint8Array.of(1, 2, 3))
    const trusting = await directory.start(clock)
    assert.ok((await trusting.open(task.record.taskId))?.isComplete)
    await trusting.stop()
    await overwrite(output, 9000, Uint8Array.of(1, 2, 3))
    const again = await (await directory.start(clock)).open(task.record.taskId)
    assert.deepEqual([...again!.have().members()], [1])
  })

  it('is trusted over a restart while it is not finished', async () => {
    await store.delete(task.record.taskId)
    const { path, record } = await store.create(taskRecord())
    await storePiece((await store.open(record.taskId))!, content, 0)
    await store.stop()
    await damage(path!, 0, Uint8Array.of(1, 2, 3))
    const again = await (await directory.start(clock)).open(record.taskId)
    assert.ok(again!.has(0))
    await rm(output)
  })
})
