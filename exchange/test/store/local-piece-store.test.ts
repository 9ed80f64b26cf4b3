import assert from 'node:assert/strict'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { contentOf, digestOf, storeAll, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { VirtualClock } from '@damselfly/shared'
import { copyOf, StoreDirectory } from './store-directory.ts'

describe('the files of the local store', () => {
  let directory: StoreDirectory
  const content = contentOf(10_000, 'files')

  beforeEach(async () => {
    directory = await StoreDirectory.create()
  })

  afterEach(() => directory.dispose())

  it('are for their owner alone', async () => {
    const task = await (await directory.start()).create(taskRecord())
    assert.equal((await stat(task.path!)).mode & 0o777, 0o600)
    for (const path of [dirname(task.path!), join(directory.path, 'tasks'), join(directory.path, 'index')]) {
      assert.equal((await stat(path)).mode & 0o777, 0o700)
    }
  })

  it('are sparse and as long as the content from the start', async () => {
    const store = await directory.start()
    const task = await store.create(taskRecord({ contentLength: 1024 ** 3, pieceSize: 4 * 1024 ** 2 }))
    const { size, blocks } = await stat(task.path!)
    assert.equal(size, 1024 ** 3)
    assert.ok(blocks * 512 < 1024 ** 2)
  })

  it('hold the content and nothing else once it is complete', async () => {
    const store = await directory.start()
    const pieceSize = 4 * 1024 ** 2
    const task = await store.create(taskRecord({ contentLength: undefined, pieceSize }))
    const pastTheEnd = task.claim(2, pieceSize)!
    const written = pastTheEnd.write(Buffer.alloc(pieceSize, 1))
    await task.update({ contentLength: 10_000 })
    await written
    await pastTheEnd.abort()
    await storeAll(task, content)
    assert.equal((await stat(task.path!)).size, 10_000)
  })

  it('are gone after a deletion', async () => {
    const store = await directory.start()
    const task = await store.create(taskRecord())
    await storeAll(task, content)
    await store.delete(task.record.taskId)
    await assert.rejects(stat(task.path!), { code: 'ENOENT' })
    await store.stop()
    const index = new ClassicLevel(join(directory.path, 'index'))
    const keys = await index.keys().all()
    await index.close()
    assert.deepEqual(keys.filter((key) => key.includes(task.record.taskId)), [])
  })

  it('are removed at the start when the index does not know them', async () => {
    const store = await directory.start()
    const task = await store.create(taskRecord())
    await store.stop()
    const orphan = join(directory.path, 'tasks', 'ab', 'ab'.repeat(32))
    await mkdir(dirname(orphan), { recursive: true })
    await writeFile(orphan, 'an orphan')
    await writeFile(`${task.path}.copy`, 'an interrupted copy')
    await directory.start()
    assert.deepEqual(await readdir(dirname(orphan)), [])
    assert.deepEqual(await readdir(dirname(task.path!)), [task.record.taskId])
  })

  it('are removed after an unclean stop when nothing of them had come, unless they are pinned', async () => {
    const store = await directory.start()
    await store.create(taskRecord({ taskId: taskIdOf('begun') }))
    await store.create(taskRecord({ taskId: taskIdOf('pinned'), pinned: true }))
    await store.create(taskRecord({ taskId: taskIdOf('empty'), contentLength: 0 }))
    const copy = await copyOf(directory)
    try {
      const again = await copy.start()
      assert.deepEqual(new Set(again.list().map(({ taskId }) => taskId)), new Set(['pinned', 'empty'].map(taskIdOf)))
      assert.equal((await again.open(taskIdOf('pinned')))?.record.pinned, true)
      assert.equal((await again.open(taskIdOf('empty')))?.isComplete, true)
      const files = await readdir(join(copy.path, 'tasks'), { recursive: true })
      assert.deepEqual(new Set(files.map((path) => basename(path)).filter((name) => name.length === 64)), new Set(['pinned', 'empty'].map(taskIdOf)))
    } finally {
      await copy.dispose()
    }
  })

  it('are missed at the start, and their tasks are dropped', async () => {
    const store = await directory.start()
    const lost = await store.create(taskRecord({ taskId: taskIdOf('lost') }))
    const kept = await store.create(taskRecord({ taskId: taskIdOf('kept') }))
    await storeAll(lost, content)
    await storeAll(kept, content)
    await store.stop()
    await rm(lost.path!)
    const again = await directory.start()
    assert.deepEqual(again.list().map(({ taskId }) => taskId), [taskIdOf('kept')])
    assert.equal(again.usedBytes, 10_000)
    assert.equal((await again.create(taskRecord({ taskId: taskIdOf('lost') }))).verifiedBytes, 0)
  })

  it('belong to one store at a time', async () => {
    const store = await directory.start()
    await assert.rejects(directory.start(), { code: 'STORE_LOCKED' })
    await store.stop()
    const other = await directory.start()
    await assert.rejects(store.start(), { code: 'STORE_LOCKED' })
    await other.stop()
    await store.start()
    assert.deepEqual(store.list(), [])
  })

  it('do not keep a store from starting once what was in its way is gone', async () => {
    const inTheWay = join(directory.path, 'index')
    await writeFile(inTheWay, 'not a directory')
    const store = await directory.start().catch((error: unknown) => error)
    assert.equal((store as { code: string }).code, 'DISK_FAILED')
    await rm(inTheWay)
    await directory.start()
  })

  it('learn in time when a task was last used', async () => {
    const clock = new VirtualClock()
    const store = await directory.start(clock)
    const task = await store.create(taskRecord())
    await task.update({ lastUsedAt: 5000 })
    assert.equal(clock.pending, 1)
    clock.advance(30_000)
    assert.equal(clock.pending, 0)
    // The flush is in front of this change in the queue.
    await task.update({ tag: 'written' })
    const copy = await copyOf(directory)
    try {
      assert.equal((await copy.start()).list()[0]?.lastUsedAt, 5000)
    } finally {
      await copy.dispose()
    }
  })

  it('are counted again after an unclean stop', async () => {
    const store = await directory.start()
    const task = await store.create(taskRecord())
    await storeAll(task, content)
    const copy = await copyOf(directory)
    try {
      const again = await copy.start()
      assert.equal(again.usedBytes, 10_000)
      assert.deepEqual((await again.open(task.record.taskId))?.digest(2), digestOf(content.subarray(8192)))
    } finally {
      await copy.dispose()
    }
  })

  it('are without pieces that an unclean stop left of nothing, whatever their task is later', async () => {
    await (await directory.start()).stop()
    const { taskId } = taskRecord()
    const index = new ClassicLevel<string, Uint8Array>(join(directory.path, 'index'), { valueEncoding: 'view' })
    await index.put(`piece!${taskId}!00000001`, digestOf(content))
    await index.del('meta!clean')
    await index.close()
    const store = await directory.start()
    await store.create(taskRecord())
    await store.stop()
    const again = await directory.start()
    assert.deepEqual([...((await again.open(taskId))?.have().members() ?? [0])], [])
  })
})
