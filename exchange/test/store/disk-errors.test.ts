import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalPieceStore, type PieceStore, type TaskRecord } from '@damselfly/exchange'
import { contentOf, readPiece, storePiece, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { isDamselflyError, systemClock, systemCode } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { DiskReserve } from '../../src/store/disk-reserve.ts'
import { putRecord, StoreIndex } from '../../src/store/store-index.ts'

const MIB = 1024 * 1024
const NOBODY = 65_534

describe('the local store on a disk that fails it', () => {
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-disk-'))
  })

  afterEach(() => rm(directory, { recursive: true, force: true }))

  describe('because it is full', () => {
    let store: PieceStore
    let isMounted = false

    beforeEach(async function () {
      isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]).status === 0
      if (!isMounted) this.skip()
      store = storeIn(directory)
      await store.start()
    })

    afterEach(async () => {
      if (!isMounted) return
      await store.stop()
      assert.equal(spawnSync('umount', [directory]).status, 0)
    })

    it('says so, records nothing, and goes on when there is room again', async () => {
      const content = contentOf(4 * MIB, 'full')
      const small = await store.create(mebibytes(4))
      const large = await store.create(mebibytes(16))
      await storePiece(small, content, 0)
      const stored: number[] = []
      const failure = await fill(large, content, stored)
      assert.ok(isDamselflyError(failure, 'DISK_FULL'))
      assert.deepEqual([...large.have().members()], stored)
      for (const index of stored) assert.deepEqual(await readPiece(large, index), piece(content, index))
      assert.equal(store.usedBytes, (stored.length + 1) * MIB)
      await store.delete(small.record.taskId)
      await storePiece(large, repeated(content), stored.length)
      const { taskId } = large.record
      await store.stop()
      store = storeIn(directory)
      await store.start()
      assert.equal((await store.open(taskId))!.have().count, stored.length + 1)
    })
  })

  describe('because not even its index can be written', () => {
    it('writes a content that could not be begun into the file that is there when there is room again', async function () {
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]).status !== 0) this.skip()
      const filler = join(directory, 'filler')
      const store = storeIn(directory)
      await store.start()
      try {
        await writeFile(filler, Buffer.alloc(8 * MIB)).catch((error: unknown) => assert.equal(systemCode(error), 'ENOSPC'))
        const record = await firstRefused(store, (i) => pinned(`content ${i}`))
        await rm(filler)
        const content = contentOf(MIB, 'begun twice')
        const task = await store.create(record)
        await storePiece(task, content, 0)
        assert.ok((await readFile(task.path!)).equals(content))
      } finally {
        await store.stop()
        assert.equal(spawnSync('umount', [directory]).status, 0)
      }
    })

    it('makes room by itself for what it has to write when a content is deleted', async function () {
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]).status !== 0) this.skip()
      const store = storeIn(directory)
      await store.start()
      try {
        const content = contentOf(4 * MIB, 'to be deleted')
        const task = await store.create(mebibytes(4))
        for (let index = 0; index < 4; index++) await storePiece(task, content, index)
        await writeFile(join(directory, 'filler'), Buffer.alloc(8 * MIB)).catch((error: unknown) => assert.equal(systemCode(error), 'ENOSPC'))
        // The first write that fails damages the end of the log; with the next the index is opened anew, which takes room.
        for (const name of ['one', 'another']) await firstRefused(store, (i) => pinned(`${name} ${i}`))
        await store.delete(task.record.taskId)
        assert.equal(store.summary(task.record.taskId), undefined)
        await storePiece(await store.create(mebibytes(1)), content, 0)
      } finally {
        await store.stop()
        assert.equal(spawnSync('umount', [directory]).status, 0)
      }
    })

    it('is read again as soon as there is room, although nobody writes', async function () {
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]).status !== 0) this.skip()
      const filler = join(directory, 'filler')
      const record = taskRecord()
      const index = new StoreIndex(join(directory, 'index'), new DiskReserve(join(directory, 'reserve')), silentLogger())
      try {
        await index.open()
        await index.write([putRecord(record)])
        await writeFile(filler, Buffer.alloc(8 * MIB)).catch((error: unknown) => assert.equal(systemCode(error), 'ENOSPC'))
        // The first write that fails damages the end of the log; with the next the index is opened anew, which takes room.
        const failures: unknown[] = []
        for (let i = 0; failures.length < 2; i++) {
          const large = taskRecord({ taskId: taskIdOf(`more ${i}`), url: `http://origin.test/${'x'.repeat(8000)}` })
          await index.write([putRecord(large)]).catch((error: unknown) => failures.push(error))
        }
        assert.ok(failures.every((error) => isDamselflyError(error, 'DISK_FULL')))
        await assert.rejects(index.task(record.taskId), { code: 'DISK_FULL' })
        await rm(filler)
        assert.deepEqual((await index.task(record.taskId))?.record.url, record.url)
      } finally {
        await index.close(false)
        assert.equal(spawnSync('umount', [directory]).status, 0)
      }
    })
  })

  describe('because it became full while its index was closed', () => {
    it('is opened with the room that was set aside, so that contents can be deleted', async function () {
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', directory]).status !== 0) this.skip()
      const reserve = new DiskReserve(join(directory, 'reserve'))
      const index = new StoreIndex(join(directory, 'index'), reserve, silentLogger())
      const record = taskRecord()
      try {
        await index.open()
        await index.write([putRecord(record)])
        await reserve.setAside()
        await writeFile(join(directory, 'filler'), Buffer.alloc(160 * MIB)).catch((error: unknown) => assert.equal(systemCode(error), 'ENOSPC'))
        // The first write that fails damages the end of the log; with the next the index is opened anew, which takes room.
        const failures: unknown[] = []
        for (let i = 0; failures.length === 0; i++) {
          const large = taskRecord({ taskId: taskIdOf(`more ${i}`), url: `http://origin.test/${'x'.repeat(8000)}` })
          await index.write([putRecord(large)]).catch((error: unknown) => failures.push(error))
        }
        await index.remove(record.taskId)
        assert.equal(await index.task(record.taskId), undefined)
      } finally {
        await index.close(false)
        assert.equal(spawnSync('umount', [directory]).status, 0)
      }
    })
  })

  describe('because it may not be used', () => {
    it('says so at the start', async function () {
      const locked = join(directory, 'locked')
      await mkdir(locked, { mode: 0o700 })
      await chmod(directory, 0o755)
      if (process.getuid?.() === 0) process.seteuid?.(NOBODY)
      else await chmod(locked, 0)
      try {
        await assert.rejects(storeIn(join(locked, 'store')).start(), { code: 'DISK_DENIED' })
      } finally {
        if (process.getuid?.() === 0) process.seteuid?.(0)
        else await chmod(locked, 0o700)
      }
    })
  })

  it('because a file is in the way says so at the start', async () => {
    await assert.rejects(storeIn('/dev/null/store').start(), { code: 'DISK_FAILED' })
  })
})

/** A MiB of which the index is told at once, since it is pinned. */
function pinned(name: string): TaskRecord {
  return { ...mebibytes(1), taskId: taskIdOf(name), url: `http://origin.test/${'x'.repeat(8000)}`, pinned: true }
}

/** Begins contents until the disk refuses one. */
async function firstRefused(store: PieceStore, recordOf: (i: number) => TaskRecord): Promise<TaskRecord> {
  for (let i = 0; i < 1000; i++) {
    try {
      await store.create(recordOf(i))
    } catch (error) {
      assert.ok(isDamselflyError(error, 'DISK_FULL'))
      return recordOf(i)
    }
  }
  return assert.fail('the disk refuses nothing')
}

type Task = Awaited<ReturnType<PieceStore['create']>>

/** Writes pieces until the disk refuses one. */
async function fill(task: Task, content: Uint8Array, stored: number[]): Promise<unknown> {
  for (let index = 0; ; index++) {
    const writer = task.claim(index, MIB)!
    try {
      await writer.write(piece(content, index))
      await writer.commit(undefined)
      stored.push(index)
    } catch (error) {
      await writer.abort()
      return error
    }
  }
}

function piece(content: Uint8Array, index: number): Uint8Array {
  return content.slice((index % 4) * MIB, ((index % 4) + 1) * MIB)
}

function repeated(content: Uint8Array): Uint8Array {
  return Buffer.concat([content, content, content, content])
}

function mebibytes(count: number): ReturnType<typeof taskRecord> {
  return taskRecord({ taskId: taskIdOf(`${count} MiB`), contentLength: count * MIB, pieceSize: MIB })
}

function storeIn(directory: string): PieceStore {
  return createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
}
