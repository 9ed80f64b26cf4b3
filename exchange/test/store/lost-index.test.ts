import { createLocalPieceStore, type PieceStore } from '@damselfly/exchange'
import { contentOf, digestOf, readPiece, storeAll, storePiece, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import assert from 'node:assert/strict'
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { damage } from './overwrite.ts'
import { StoreDirectory } from './store-directory.ts'

describe('a local store that has lost its index', () => {
  const content = contentOf(10_000, 'lost')
  const record = taskRecord({ isPrivate: true, etag: '"v1"' })
  const { taskId } = record
  let directory: StoreDirectory
  let store: PieceStore

  beforeEach(async () => {
    directory = await StoreDirectory.create()
    store = await started()
    const task = await store.create(record)
    await storeAll(task, content)
    await task.update({ contentDigest: digestOf(content) })
    await storePiece(await store.create(taskRecord({ taskId: taskIdOf('unfinished') })), content, 0)
  })

  afterEach(async () => {
    await store.stop()
    await directory.dispose()
  })

  it('has whole contents again, and what is known of them', async () => {
    await store.stop()
    await rm(index(), { recursive: true })
    store = await started()
    assert.equal(store.count, 1)
    assert.deepEqual(await store.record(taskId), { ...record, contentDigest: digestOf(content) })
    assert.equal(store.usedBytes, 10_000)
    const task = await store.open(taskId)
    assert.ok(task?.isComplete)
    assert.deepEqual(await readPiece(task, 2), content.slice(8192))
    await store.stop()
    store = await started()
    assert.ok((await store.open(taskId))?.isComplete)
  })

  it('checks them before they count', async () => {
    await store.stop()
    await rm(index(), { recursive: true })
    await damage(file(), 5000, Uint8Array.of(1, 2, 3))
    store = await started()
    assert.deepEqual([...(await store.open(taskId))!.have().members()], [0, 2])
  })

  it('has them also when nothing of the index can be repaired', async () => {
    await store.stop()
    for (const name of await readdir(index())) await writeFile(join(index(), name), 'nothing that anybody can read')
    store = await started()
    assert.ok((await store.open(taskId))?.isComplete)
  })

  it('has them whichever byte is wrong in the file that says where the index begins', async () => {
    await store.stop()
    const current = join(index(), 'CURRENT')
    const { size } = await stat(current)
    for (let at = 0; at < size; at++) {
      const bytes = await readFile(current)
      bytes[at] = (bytes[at] ?? 0) ^ 0xff
      await writeFile(current, bytes)
      store = await started()
      assert.ok((await store.open(taskId))?.isComplete, `byte ${at}`)
      await store.stop()
    }
  })

  it('counts what lies beside a content as none when it was cut short', async () => {
    await store.stop()
    await rm(index(), { recursive: true })
    await truncate(`${file()}.task`, 50)
    store = await started()
    assert.deepEqual(store.list(), [])
    assert.deepEqual(await readdir(join(directory.path, 'tasks', taskId.slice(0, 2))), [])
  })

  it('leaves nothing beside a content that is deleted', async () => {
    await store.delete(taskId)
    assert.deepEqual(await readdir(join(directory.path, 'tasks', taskId.slice(0, 2))), [])
  })

  it('has them as they were when the store stopped, however late that was told', async () => {
    const task = await store.open(taskId)
    await task?.update({ etag: '"v2"' })
    await store.stop()
    await rm(index(), { recursive: true })
    store = await started()
    assert.equal((await store.record(taskId))?.etag, '"v2"')
  })

  it('does not bring back what was deleted before', async () => {
    await store.delete(taskId)
    await store.stop()
    await rm(index(), { recursive: true })
    store = await started()
    assert.equal(await store.open(taskId), undefined)
  })

  async function started(): Promise<PieceStore> {
    const starting = createLocalPieceStore({ directory: directory.path, keepsSidecars: true, clock: systemClock, logger: silentLogger() })
    await starting.start()
    return starting
  }

  function index(): string {
    return join(directory.path, 'index')
  }

  function file(): string {
    return join(directory.path, 'tasks', taskId.slice(0, 2), taskId)
  }
})
