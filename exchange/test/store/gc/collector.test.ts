import assert from 'node:assert/strict'
import { link } from 'node:fs/promises'
import { join } from 'node:path'
import { Collector, Pins, withCollector, type PieceStore, type SpaceLimits, type StoredTask } from '@damselfly/exchange'
import { contentOf, storeAll, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { VirtualClock, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { StoreDirectory } from '../store-directory.ts'

/** Bytes of each task; a whole number of the disk's blocks. */
const SIZE = 64 * 1024
const HOUR = 3_600_000

describe('a collector', () => {
  const now = new Date('2030-01-01').getTime()
  let directory: StoreDirectory
  let store: PieceStore
  let clock: VirtualClock
  let wanted: Set<TaskId>
  let looks: number
  let free: number

  beforeEach(async () => {
    directory = await StoreDirectory.create()
    store = await directory.start()
    clock = new VirtualClock(now)
    wanted = new Set()
    looks = 0
    free = 500 * SIZE
  })

  afterEach(() => directory.dispose())

  it('leaves everything alone while there is room', async () => {
    await hold('a', 9)
    const { evicted, isEnough } = await collector({ quota: SIZE, minFreePercent: 5 }).collect({ wanted: 0, isDryRun: false })
    assert.deepEqual([evicted, isEnough], [[], true])
    assert.deepEqual(kept(), ['a'])
  })

  it('evicts what was not used for longest until there is a tenth of the quota to spare', async () => {
    for (const [name, hours] of [['a', 1], ['b', 9], ['c', 3], ['d', 30]] as const) await hold(name, hours)
    const { evicted, freed, isEnough } = await collector({ quota: 3 * SIZE, minFreePercent: 0 }).collect({ wanted: 0, isDryRun: false })
    assert.deepEqual(evicted.map(({ taskId }) => taskId), ['d', 'b'].map(taskIdOf))
    assert.deepEqual([freed, isEnough], [2 * SIZE, true])
    assert.deepEqual(kept(), ['a', 'c'])
    assert.equal(store.usedBytes, 2 * SIZE)
  })

  it('goes by when its owner says that a task was used', async () => {
    for (const name of ['a', 'b']) await hold(name, 9)
    const uses = { lastUsedAt: (taskId: TaskId) => (taskId === taskIdOf('a') ? now : undefined) }
    await collector({ quota: SIZE + SIZE / 2, minFreePercent: 0 }, uses).collect({ wanted: 0, isDryRun: false })
    assert.deepEqual(kept(), ['a'])
  })

  it('evicts before all else what its owner wants to go, but nothing that is pinned, and nothing twice', async () => {
    for (const [name, hours] of [['a', 1], ['b', 2], ['old', 30], ['c', 3]] as const) await hold(name, hours)
    await (await hold('pinned', 1)).update({ pinned: true })
    const first = async (): Promise<readonly TaskId[]> => ['pinned', 'b', 'a', 'gone'].map(taskIdOf)
    const { evicted } = await collector({ quota: 2.1 * SIZE, minFreePercent: 0 }, { first }).collect({ wanted: 0, isDryRun: false })
    assert.deepEqual(evicted.map(({ taskId }) => taskId), ['b', 'a', 'old', 'c'].map(taskIdOf))
    assert.deepEqual(kept(), ['pinned'])
  })

  it('spares what is pinned, wanted, in use or being written, and says so', async () => {
    await (await hold('pinned', 30)).update({ pinned: true })
    await hold('wanted', 30)
    wanted.add(taskIdOf('wanted'))
    const release = (await hold('in use', 30)).use()
    const writer = (await store.create(taskRecord({ taskId: taskIdOf('written'), contentLength: SIZE, lastUsedAt: 0 }))).claim(0, 4096)
    await hold('idle', 1)
    const room = collector({ quota: 1, minFreePercent: 0 })
    const first = await room.collect({ wanted: 0, isDryRun: false })
    assert.deepEqual(first.kept, { pinned: 1, wanted: 1, busy: 2 })
    assert.equal(first.isEnough, false)
    assert.deepEqual(kept(), ['in use', 'pinned', 'wanted', 'written'])
    release()
    await writer?.abort()
    await room.collect({ wanted: 0, isDryRun: false })
    assert.deepEqual(kept(), ['pinned', 'wanted'])
    assert.equal((await room.status()).totals.evictedTasks, 3)
  })

  it('makes room on the disk that others have filled', async () => {
    for (const [name, hours] of [['a', 1], ['b', 9], ['c', 30]] as const) await hold(name, hours)
    free = 100 * SIZE - 1
    const { shortage, evicted } = await collector({ quota: 0, minFreePercent: 10 }).collect({ wanted: 0, isDryRun: true })
    assert.deepEqual(shortage, { ofQuota: 0, ofDisk: 10 * SIZE + 1 })
    assert.equal(evicted.length, 3)
  })

  it('does not evict for the disk what is an output too, since that gives nothing back', async () => {
    const task = await hold('linked', 30)
    await hold('own', 1)
    await link(task.path!, join(directory.path, 'output'))
    free = 0
    const { evicted } = await collector({ quota: 0, minFreePercent: 10 }).collect({ wanted: 0, isDryRun: false })
    assert.deepEqual(evicted.map(({ taskId }) => taskId), [taskIdOf('own')])
    assert.deepEqual(kept(), ['linked'])
  })

  it('only says what it would do on a dry run', async () => {
    await hold('a', 1)
    const room = collector({ quota: 1, minFreePercent: 0 })
    const { evicted, isDryRun } = await room.collect({ wanted: 0, isDryRun: true })
    assert.deepEqual([evicted.length, isDryRun], [1, true])
    assert.deepEqual(kept(), ['a'])
    assert.equal((await room.status()).last, undefined)
  })

  it('makes room before a content comes, and again when somebody fills the disk', async () => {
    await hold('old', 9)
    const room = collector({ quota: 1.5 * SIZE, minFreePercent: 10 })
    const collected = withCollector(store, room, new Pins(store))
    room.start()
    await hold('new', 0, collected)
    assert.deepEqual(kept(), ['new'])
    free = 0
    clock.advance(10_000)
    while (store.list().length > 0) await new Promise(setImmediate)
    assert.deepEqual(kept(), [])
    await room.stop()
    assert.equal(clock.pending, 0)
  })

  it('refuses what the disk cannot hold beside what is being written, before its first byte', async () => {
    const collected = withCollector(store, collector({ quota: 0, minFreePercent: 0 }), new Pins(store), { refusesUnfit: true })
    const create = (name: string): Promise<unknown> => {
      wanted.add(taskIdOf(name))
      return collected.create(taskRecord({ taskId: taskIdOf(name), contentLength: SIZE }))
    }
    free = 2.5 * SIZE
    await create('a')
    await create('b')
    await assert.rejects(create('c'), { code: 'DISK_FULL' })
    assert.equal(await collected.open(taskIdOf('c')), undefined)
    // The others are given up.
    wanted.clear()
    await create('c')
  })

  it('looks at the disk once for many contents that come at once, and promises none of it twice', async () => {
    const collected = withCollector(store, collector({ quota: 0, minFreePercent: 0 }), new Pins(store), { refusesUnfit: true })
    free = 100.5 * SIZE
    const create = async (name: string): Promise<string> => {
      wanted.add(taskIdOf(name))
      return collected.create(taskRecord({ taskId: taskIdOf(name), contentLength: SIZE })).then(() => 'begun', ({ code }: { code: string }) => code)
    }
    await create('first')
    const before = looks
    const ends = await Promise.all(Array.from({ length: 102 }, (_, i) => create(`content ${i}`)))
    assert.equal(ends.filter((end) => end === 'begun').length, 99)
    assert.deepEqual(new Set(ends.slice(99)), new Set(['DISK_FULL']))
    // Only for what does not fit.
    assert.ok(looks - before <= 6, `${looks - before} looks`)
  })

  it('makes room beside what others will still take, where nothing is refused too', async () => {
    for (const [name, hours] of [['a', 1], ['b', 9]] as const) await hold(name, hours)
    const collected = withCollector(store, collector({ quota: 4.9 * SIZE, minFreePercent: 0 }), new Pins(store))
    const create = async (name: string): Promise<void> => {
      wanted.add(taskIdOf(name))
      await collected.create(taskRecord({ taskId: taskIdOf(name), contentLength: SIZE }))
    }
    await Promise.all(['x', 'y'].map(create))
    assert.deepEqual(kept(), ['a', 'b'])
    await create('z')
    assert.deepEqual(kept(), ['a'])
  })

  it('keeps a pin over a new version of the content, until it is unpinned', async () => {
    await hold('a', 1)
    const room = collector({ quota: 0, minFreePercent: 0 })
    const pins = new Pins(store)
    const collected = withCollector(store, room, pins)
    const taskId = taskIdOf('a')
    await pins.set(taskId, true)
    await collected.delete(taskId)
    assert.equal((await collected.create(taskRecord({ taskId, etag: '"v2"' }))).record.pinned, true)
    await pins.set(taskId, false)
    await collected.delete(taskId)
    assert.equal((await collected.create(taskRecord({ taskId, etag: '"v3"' }))).record.pinned, false)
    await assert.rejects(pins.set(taskIdOf('b'), true), { code: 'TASK_NOT_FOUND' })
  })

  it('rests after nothing could be done, unless somebody asks', async () => {
    await (await hold('pinned', 1)).update({ pinned: true })
    const room = collector({ quota: 1, minFreePercent: 0 })
    await room.makeRoom(0)
    const tried = looks
    await room.makeRoom(0)
    assert.equal(looks, tried)
    await room.collect({ wanted: 0, isDryRun: false })
    assert.equal(looks, tried + 1)
    clock.advance(60_000)
    await room.makeRoom(0)
    assert.equal(looks, tried + 2)
  })

  function collector(limits: SpaceLimits, uses: { lastUsedAt?: (taskId: TaskId) => number | undefined; first?: () => Promise<readonly TaskId[]> } = {}): Collector {
    return new Collector({
      store,
      uses: { isWanted: (taskId) => wanted.has(taskId), lastUsedAt: () => undefined, evict: (taskId) => store.delete(taskId), ...uses },
      limits,
      disk: () => {
        looks++
        return Promise.resolve({ free, total: 1000 * SIZE })
      },
      clock,
      logger: silentLogger(),
    })
  }

  async function hold(name: string, idleHours: number, into = store): Promise<StoredTask> {
    const task = await into.create(taskRecord({ taskId: taskIdOf(name), contentLength: SIZE, lastUsedAt: now - idleHours * HOUR }))
    await storeAll(task, contentOf(SIZE, name))
    return task
  }

  function kept(): string[] {
    const names = ['a', 'b', 'c', 'd', 'idle', 'in use', 'linked', 'new', 'old', 'own', 'pinned', 'wanted', 'written']
    const ids = new Set(store.list().map(({ taskId }) => taskId))
    return names.filter((name) => ids.has(taskIdOf(name)))
  }
})
