import assert from 'node:assert/strict'
import { cp, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { contentOf, readPiece, storeAll, storePiece, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { systemClock } from '@damselfly/shared'
import { repairIndex } from '../../src/store/repair-index.ts'
import { LogRecorder } from './log-recorder.ts'
import { damage, overwrite } from './overwrite.ts'
import { copyOf, StoreDirectory } from './store-directory.ts'

describe('damage to the local store', () => {
  let directory: StoreDirectory
  const content = contentOf(10_000, 'damage')
  const { taskId } = taskRecord()

  beforeEach(async () => {
    directory = await StoreDirectory.create()
  })

  afterEach(() => directory.dispose())

  it('costs only the damaged pieces after an unclean stop', async () => {
    await storeAll(await (await directory.start()).create(taskRecord()), content)
    const crashed = await copyOf(directory)
    try {
      await overwrite(filePath(crashed), 5000, Uint8Array.of(1, 2, 3))
      const log = new LogRecorder()
      const store = await crashed.start(systemClock, log.logger)
      const task = (await store.open(taskId))!
      assert.deepEqual([...task.have().members()], [0, 2])
      assert.equal(store.usedBytes, 10_000 - 4096)
      assert.equal(log.warnings.length, 1)
      await storePiece(task, content, 1)
      assert.ok(task.isComplete)
      assert.deepEqual(await readPiece(task, 1), content.slice(4096, 8192))
    } finally {
      await crashed.dispose()
    }
  })

  it('is looked for once after an unclean stop', async () => {
    await storeAll(await (await directory.start()).create(taskRecord()), content)
    const crashed = await copyOf(directory)
    try {
      const store = await crashed.start()
      assert.ok((await store.open(taskId))?.isComplete)
      await store.stop()
      // The file keeps its time, so only hashing again would find this.
      await damage(filePath(crashed), 0, Uint8Array.of(1, 2, 3))
      assert.ok((await (await crashed.start()).open(taskId))?.isComplete)
    } finally {
      await crashed.dispose()
    }
  })

  it('is found after an unclean stop also in what earlier runs have written', async () => {
    const store = await directory.start()
    await storeAll(await store.create(taskRecord()), content)
    await store.stop()
    await directory.start()
    const crashed = await copyOf(directory)
    try {
      await damage(filePath(crashed), 0, Uint8Array.of(1, 2, 3))
      // A clean run that does not open the task makes it no better.
      await (await crashed.start()).stop()
      const task = await (await crashed.start()).open(taskId)
      assert.deepEqual([...task!.have().members()], [1, 2])
    } finally {
      await crashed.dispose()
    }
  })

  it('is found when the index has forgotten which runs there were', async () => {
    for (let run = 0; run < 3; run++) await (await directory.start()).stop()
    const store = await directory.start()
    await storeAll(await store.create(taskRecord()), content)
    await store.stop()
    await changeIndex(directory, (index) => index.clear({ gte: 'meta!', lt: 'meta"' }))
    await damage(filePath(directory), 0, Uint8Array.of(1, 2, 3))
    const task = await (await directory.start()).open(taskId)
    assert.deepEqual([...task!.have().members()], [1, 2])
  })

  it('is found when a file was cut short between two runs', async () => {
    const store = await directory.start()
    await storeAll(await store.create(taskRecord()), content)
    await store.stop()
    await truncate(filePath(directory), 6000)
    const task = await (await directory.start()).open(taskId)
    assert.deepEqual([...task!.have().members()], [0])
  })

  it('to one record costs that task alone', async () => {
    const store = await directory.start()
    const damaged = await store.create(taskRecord({ taskId: taskIdOf('damaged') }))
    await storeAll(damaged, content)
    await storeAll(await store.create(taskRecord()), content)
    await store.stop()
    await changeIndex(directory, (index) => index.put(`task!${taskIdOf('damaged')}`, '{"url":'))
    const log = new LogRecorder()
    const again = await directory.start(systemClock, log.logger)
    assert.deepEqual(again.list().map((record) => record.taskId), [taskId])
    assert.equal(log.warnings.length, 1)
    assert.deepEqual(await readdir(join(directory.path, 'tasks', damaged.record.taskId.slice(0, 2))), [])
    assert.equal((await again.create(taskRecord({ taskId: taskIdOf('damaged') }))).verifiedBytes, 0)
  })

  it('to a state makes the task one that is checked', async () => {
    const store = await directory.start()
    await storeAll(await store.create(taskRecord()), content)
    await store.stop()
    await damage(filePath(directory), 0, Uint8Array.of(1, 2, 3))
    await changeIndex(directory, (index) => index.put(`state!${taskId}`, 'no state'))
    const again = await directory.start()
    const task = await again.open(taskId)
    assert.deepEqual([...task!.have().members()], [1, 2])
    assert.equal(again.usedBytes, 10_000 - 4096)
  })

  it('to the record of a piece costs that piece', async () => {
    const store = await directory.start()
    await storeAll(await store.create(taskRecord()), content)
    await store.stop()
    await changeIndex(directory, async (index) => {
      await index.put(`piece!${taskId}!00000001`, 'short')
      await index.put(`piece!${taskId}!00000009`, 'x'.repeat(32))
      await index.put(`piece!${taskId}!zzz`, 'x'.repeat(32))
    })
    const task = (await (await directory.start()).open(taskId))!
    assert.deepEqual([...task.have().members()], [0, 2])
    await storePiece(task, content, 1)
    assert.ok(task.isComplete)
  })

  it('to the index itself is repaired, and everything is checked', async () => {
    const store = await directory.start()
    await storeAll(await store.create(taskRecord()), content)
    await store.stop()
    const index = join(directory.path, 'index')
    const manifest = (await readdir(index)).find((name) => name.startsWith('MANIFEST'))!
    await writeFile(join(index, manifest), 'not a manifest')
    await damage(filePath(directory), 0, Uint8Array.of(1, 2, 3))
    const task = await (await directory.start()).open(taskId)
    assert.deepEqual([...task!.have().members()], [1, 2])
  })

  it('to the index over which LevelDB ends the process that meets it costs the index, and no start', async () => {
    const index = join(directory.path, 'index')
    for (let round = 0; round < 3; round++) {
      await changeIndex(directory, async (level) => {
        for (let i = 0; i < 40; i++) await level.put(`key ${round} ${i}`, 'x'.repeat(100) + i)
      })
    }
    for (const name of await readdir(index)) await damageAt(join(index, name), 55 / 60)
    const damaged = join(directory.path, 'damaged')
    await cp(index, damaged, { recursive: true })
    await assert.rejects(repairIndex(damaged), { signal: 'SIGABRT' })
    const store = await directory.start()
    await storeAll(await store.create(taskRecord()), content)
    assert.ok((await store.open(taskId))?.isComplete)
  })

  function filePath(of: StoreDirectory): string {
    return join(of.path, 'tasks', taskId.slice(0, 2), taskId)
  }
})

/** Changes one byte. @param part of the file before it */
async function damageAt(path: string, part: number): Promise<void> {
  const bytes = await readFile(path)
  if (bytes.length === 0) return
  const at = Math.floor(part * bytes.length)
  await writeFile(path, bytes.with(at, (bytes[at] ?? 0) ^ 0xff))
}

async function changeIndex(directory: StoreDirectory, change: (index: ClassicLevel) => Promise<void>): Promise<void> {
  const index = new ClassicLevel(join(directory.path, 'index'))
  await change(index)
  await index.close()
}
