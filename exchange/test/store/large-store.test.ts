import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { contentOf, storePiece, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { systemClock, type TaskId } from '@damselfly/shared'
import type { PieceStore, TaskSummary } from '@damselfly/exchange'
import { largeStoreTask, writeLargeStore } from '../../src/store/testing/large-store.ts'
import { LogRecorder } from './log-recorder.ts'
import { copyOf, StoreDirectory } from './store-directory.ts'

describe('a local store with many tasks', function () {
  this.timeout(120_000)
  const TASKS = 1200
  const LENGTH = 1024 * 1024
  let written: StoreDirectory
  let directory: StoreDirectory

  before(async () => {
    written = await StoreDirectory.create()
    await writeLargeStore(written.path, TASKS)
  })

  beforeEach(async () => {
    directory = await copyOf(written)
  })

  afterEach(() => directory.dispose())

  after(() => written.dispose())

  it('knows them all when it has started, without asking the index', async () => {
    // What the table says of them needs no record.
    await changeIndex((index) => index.clear({ gte: 'task!', lt: 'task"' }))
    const store = await directory.start()
    assert.equal(store.list().length, TASKS)
    assert.equal(store.usedBytes, TASKS * LENGTH)
    assert.equal(store.verifiedBytes(largeStoreTask(TASKS - 1)), LENGTH)
  })

  it('drops a task whose record is gone when it is asked for', async () => {
    await changeIndex((index) => index.del(`task!${largeStoreTask(5)}`))
    const store = await directory.start()
    assert.equal(await store.open(largeStoreTask(5)), undefined)
    assert.equal(store.count, TASKS - 1)
  })

  it('knows after an unclean stop what was changed, added and deleted', async () => {
    const store = await directory.start()
    await change(store)
    await storePiece(await store.create(taskRecord({ taskId: taskIdOf('new') })), contentOf(10_000, 'new'), 1)
    const crashed = await copyOf(directory)
    try {
      const again = await crashed.start()
      assert.deepEqual(byId(again), byId(store))
      assert.equal(again.usedBytes, store.usedBytes)
      assert.equal((await again.open(largeStoreTask(3)))?.record.etag, '"other"')
      assert.deepEqual([...(await again.open(taskIdOf('new')))!.have().members()], [1])
    } finally {
      await crashed.dispose()
    }
  })

  for (const [what, damage] of [
    ['is gone', (path: string) => rm(path)],
    ['is damaged', (path: string) => writeFile(path, 'nothing that anybody can read')],
  ] as const) {
    it(`reads the index when the table ${what}, and has a table again`, async () => {
      const before = await directory.start()
      await change(before)
      const known = byId(before)
      await before.stop()
      await damage(join(directory.path, 'tasks.table'))
      const log = new LogRecorder()
      const store = await directory.start(systemClock, log.logger)
      assert.equal(log.warnings.length, 1)
      assert.deepEqual(byId(store), known)
      await store.stop()
      assert.deepEqual(byId(await directory.start(systemClock, log.logger)), known)
      assert.equal(log.warnings.length, 1)
    })
  }

  it('reads the index when a version of the program that knows no table ran meanwhile', async () => {
    await changeIndex(async (index) => {
      await index.put('meta!run', Buffer.from('9'))
      await index.del(`task!${largeStoreTask(0)}`)
    })
    assert.equal((await directory.start()).count, TASKS - 1)
  })

  it('compares files and tasks while it is in use', async () => {
    const lost = largeStoreTask(7)
    await rm(fileOf(lost))
    const stray = fileOf(taskIdOf('stray'))
    await writeFile(stray, 'of no task')
    const store = await directory.start()
    // Those that are asked for meanwhile are looked at at once.
    assert.equal(await store.open(lost), undefined)
    await store.create(taskRecord({ taskId: lost }))
    await store.stop()
    const again = await directory.start()
    while (existsSync(stray)) await new Promise(setImmediate)
    assert.equal(again.count, TASKS)
  })

  it('writes the table again when much has changed', async () => {
    const store = await directory.start()
    for (let number = 0; number < 1010; number++) await store.delete(largeStoreTask(number))
    await store.stop()
    await changeIndex(async (index) => assert.deepEqual(await index.keys({ gte: 'mark!', lt: 'mark"' }).all(), []))
    assert.equal((await directory.start()).count, TASKS - 1010)
  })

  async function change(store: PieceStore): Promise<void> {
    await store.delete(largeStoreTask(1))
    await store.delete(largeStoreTask(2))
    const task = await store.open(largeStoreTask(3))
    await task!.update({ etag: '"other"', pinned: true })
  }

  function fileOf(taskId: TaskId): string {
    return join(directory.path, 'tasks', taskId.slice(0, 2), taskId)
  }

  async function changeIndex(work: (index: ClassicLevel<string, Uint8Array>) => Promise<void>): Promise<void> {
    const index = new ClassicLevel<string, Uint8Array>(join(directory.path, 'index'), { valueEncoding: 'view' })
    await index.open()
    await work(index)
    await index.close()
  }
})

function byId(store: PieceStore): readonly TaskSummary[] {
  return store.first({ ranks: [], limit: Number.POSITIVE_INFINITY })
}
