import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { Collector, createLocalPieceStore, diskSpace, Pins, withCollector, type PieceStore, type SpaceLimits, type StoredTask } from '@damselfly/exchange'
import { contentOf, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { isDamselflyError, systemClock, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { canMountImages, Lab } from '@damselfly/test'

const PIECE = 64 * 1024
const MIB = 1024 * 1024

/** Of a store in which more is fetched than there is room for. */
const DISK = 24 * MIB
const CONTENTS = 80
const LONGEST = 16 * PIECE

/** How many of each go on at the same time, and what each does. */
const FETCHERS = { count: 4, rounds: 15 } as const
const READERS = 4

/** Deleting more often on a fast machine would leave the collector nothing to do. */
const FETCHES_PER_DELETION = 8

// Some seconds are needed for the many ways in which evictions, fetches and reads can meet.
describe('a store on a small disk, while contents are fetched, read and deleted at once', function () {
  this.timeout(120_000)
  let lab: Lab

  before(async function () {
    if (!(await canMountImages())) this.skip()
    lab = await Lab.create()
  })

  after(() => lab?.stop())

  it('keeps its quota, gives nothing wrong, and keeps what is read, written or pinned', async () => {
    const quota = 8 * MIB
    const { most, evicted } = await storm('quota', { quota, minFreePercent: 0 })
    // What comes at the same time is seen only when it is there.
    assert.ok(most <= quota + FETCHERS.count * LONGEST, `${most} bytes at most`)
    assert.ok(evicted > 0)
  })

  it('does so too where only the disk is the limit', async () => {
    const { leastFree, evicted } = await storm('disk', { quota: 0, minFreePercent: 40 })
    assert.ok(leastFree > 0, 'the disk was full')
    assert.ok(evicted > 0)
  })

  async function storm(name: string, limits: SpaceLimits): Promise<{ most: number; leastFree: number; evicted: number }> {
    const disk = await lab.smallDisk(name, DISK, 'ext4')
    const bare = createLocalPieceStore({ directory: `${disk.path}/pieces`, keepsSidecars: true, clock: systemClock, logger: silentLogger() })
    const collector = new Collector({
      store: bare,
      uses: { isWanted: () => false, lastUsedAt: () => undefined, evict: (taskId) => bare.delete(taskId) },
      limits,
      disk: () => diskSpace(disk.path),
      clock: systemClock,
      logger: silentLogger(),
    })
    const pins = new Pins(bare)
    const store = withCollector(bare, collector, pins)
    await store.start()
    const contents = new Map(Array.from({ length: CONTENTS }, (_, i) => [taskIdOf(`${name} ${i}`), contentOf(PIECE * (1 + (i % (LONGEST / PIECE))), `${name} ${i}`)]))
    const ids = [...contents.keys()]
    const anyId = (): TaskId => ids.at(randomInt(ids.length)) ?? taskIdOf('none')
    const [pinned = anyId()] = ids.slice(3)
    await fetch(store, pinned, contents.get(pinned) as Uint8Array)
    await pins.set(pinned, true)

    let most = 0
    let leastFree = Number.POSITIVE_INFINITY
    let fetched = 0
    let deleted = 0
    let running: number = FETCHERS.count
    const isOver = (): boolean => running <= 0
    const orEnd = (work: () => Promise<void>): Promise<void> => work().catch((error: unknown) => {
      running = 0
      throw error
    })
    const fetcher = async (): Promise<void> => {
      for (let round = 0; round < FETCHERS.rounds && !isOver(); round++) {
        const taskId = anyId()
        await fetch(store, taskId, contents.get(taskId) as Uint8Array)
        fetched++
        most = Math.max(most, store.usedBytes)
        leastFree = Math.min(leastFree, (await diskSpace(disk.path)).free)
      }
      running--
    }
    const reader = async (): Promise<void> => {
      while (!isOver()) {
        const taskId = anyId()
        const task = await store.open(taskId)
        if (task === undefined) await new Promise(setImmediate)
        else await readAll(task, contents.get(taskId) as Uint8Array)
      }
    }
    const evictor = async (): Promise<void> => {
      while (!isOver()) {
        await collector.collect({ wanted: randomInt(LONGEST), isDryRun: false })
        const taskId = anyId()
        if (taskId === pinned || deleted * FETCHES_PER_DELETION >= fetched) continue
        deleted++
        await store.delete(taskId).catch(unlessBusy)
      }
    }
    const workers = [...Array.from({ length: FETCHERS.count }, () => fetcher), ...Array.from({ length: READERS }, () => reader), evictor]
    const ends = await Promise.allSettled(workers.map(orEnd))
    for (const end of ends) if (end.status === 'rejected') throw end.reason

    assert.equal(store.verifiedBytes(pinned), contents.get(pinned)?.length)
    await collector.collect({ wanted: 0, isDryRun: false })
    if (limits.quota > 0) assert.ok(store.usedBytes <= limits.quota)
    const { free, total } = await diskSpace(disk.path)
    assert.ok(free >= (total * limits.minFreePercent) / 100)
    const kept = new Map(store.list().map(({ taskId, verifiedBytes }) => [taskId, verifiedBytes]))
    await store.stop()
    await store.start()
    assert.deepEqual(new Map(store.list().map(({ taskId, verifiedBytes }) => [taskId, verifiedBytes])), kept)
    for (const taskId of kept.keys()) await readAll((await store.open(taskId)) as StoredTask, contents.get(taskId) as Uint8Array)
    await store.stop()
    await disk.unmount()
    return { most, leastFree, evicted: collector.totals.evictedTasks }
  }
})

/** As the CDN does: what is missing, piece by piece, while the task is in use. */
async function fetch(store: PieceStore, taskId: TaskId, content: Uint8Array): Promise<void> {
  const task = await store.create(taskRecord({ taskId, contentLength: content.length, pieceSize: PIECE, lastUsedAt: Date.now() }))
  const release = task.use()
  try {
    for (let index = 0; index * PIECE < content.length; index++) {
      const writer = task.claim(index, PIECE)
      if (writer === undefined) continue
      await writer.write(content.subarray(index * PIECE, (index + 1) * PIECE))
      await writer.commit(undefined)
    }
    await task.update({ lastUsedAt: Date.now() })
  } finally {
    release()
  }
}

/** What was there when it began to be read stays until the end, and is right. */
async function readAll(task: StoredTask, content: Uint8Array): Promise<void> {
  const release = task.use()
  try {
    for (const index of task.have().members()) {
      const bytes = new Uint8Array(PIECE)
      await task.read(index, 0, bytes)
      assert.ok(Buffer.from(bytes).equals(content.subarray(index * PIECE, (index + 1) * PIECE)), `piece ${index} is wrong`)
    }
  } finally {
    release()
  }
}

function unlessBusy(error: unknown): void {
  if (!isDamselflyError(error, 'TASK_BUSY')) throw error
}
