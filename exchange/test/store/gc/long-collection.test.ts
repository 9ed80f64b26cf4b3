import assert from 'node:assert/strict'
import { Collector, type PieceStore } from '@damselfly/exchange'
import { contentOf, storeAll, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { DamselflyError, VirtualClock, type TaskId } from '@damselfly/shared'
import { createApiServer, type ApiServer } from '@damselfly/shared/http-api'
import { silentLogger } from '@damselfly/shared/logging'
import { addCollectorRoutes } from '../../../src/store/gc/collector-routes.ts'
import { StoreDirectory } from '../store-directory.ts'

/** Bytes of each task. */
const SIZE = 64 * 1024
const HOUR = 3_600_000

interface CollectionBody {
  readonly running: boolean
  readonly evictedTasks: number
  readonly evicted: readonly { readonly taskId: string }[]
}

describe('a collection that takes long', () => {
  const now = new Date('2030-01-01').getTime()
  let directory: StoreDirectory
  let store: PieceStore
  let clock: VirtualClock
  let collector: Collector
  let app: ApiServer
  /** Resolves when the first task is about to go, which waits for `gate`. */
  let begun: PromiseWithResolvers<void>
  let gate: PromiseWithResolvers<void>

  beforeEach(async () => {
    directory = await StoreDirectory.create()
    store = await directory.start()
    clock = new VirtualClock(now)
    begun = Promise.withResolvers()
    gate = Promise.withResolvers()
    collector = new Collector({
      store,
      uses: { isWanted: () => false, lastUsedAt: () => undefined, evict },
      limits: { quota: 2 * SIZE, minFreePercent: 0 },
      disk: () => Promise.resolve({ free: 500 * SIZE, total: 1000 * SIZE }),
      clock,
      logger: silentLogger(),
    })
    app = createApiServer({ maxBodyBytes: 1024, logger: silentLogger() })
    addCollectorRoutes(app, collector)
    for (const [name, hours] of [['busy', 30], ['a', 9], ['b', 3], ['c', 1]] as const) await hold(name, hours)
  })

  afterEach(async () => {
    gate.resolve()
    await app.close()
    await directory.dispose()
  })

  it('is answered with 202 after ten seconds, goes on, and can be followed', async () => {
    const asked = post()
    await begun.promise
    clock.advance(9_999)
    assert.equal((await running())?.evictedTasks, 0)
    clock.advance(1)
    const answered = await asked
    assert.equal(answered.statusCode, 202)
    assert.equal(answered.body.running, true)
    gate.resolve()
    const next = await post()
    assert.equal(next.statusCode, 200)
    assert.deepEqual(next.body.evicted, [])
    assert.equal(await running(), null)
    const { last } = await collector.status()
    assert.deepEqual([last?.isRunning, last?.evictedTasks, last?.kept.busy, last?.isEnough], [false, 3, 1, true])
  })

  it('is answered at once with 200 if it is over in time', async () => {
    gate.resolve()
    const answered = await post()
    const { running: isRunning, evictedTasks } = answered.body
    assert.deepEqual([answered.statusCode, isRunning, evictedTasks], [200, false, 3])
    assert.equal(clock.pending, 0)
  })

  it('ends early when the program stops, after what is under way', async () => {
    const asked = post()
    await begun.promise
    const stopped = collector.stop()
    gate.resolve()
    await stopped
    const { evictedTasks, running: isRunning } = (await asked).body
    // Of the first group; the busy one would have been made up for by the next.
    assert.deepEqual([evictedTasks, isRunning], [2, false])
    assert.equal(store.list().length, 2)
  })

  async function evict(taskId: TaskId): Promise<void> {
    begun.resolve()
    await gate.promise
    if (taskId === taskIdOf('busy')) throw new DamselflyError('TASK_BUSY', 'somebody reads it')
    await store.delete(taskId)
  }

  async function post(): Promise<{ readonly statusCode: number; readonly body: CollectionBody }> {
    const answered = await app.inject({ method: 'POST', url: '/api/v1/gc', payload: {} })
    return { statusCode: answered.statusCode, body: answered.json<CollectionBody>() }
  }

  async function running(): Promise<CollectionBody | null> {
    const answered = await app.inject({ url: '/api/v1/gc' })
    return answered.json<{ running: CollectionBody | null }>().running
  }

  async function hold(name: string, idleHours: number): Promise<void> {
    const task = await store.create(taskRecord({ taskId: taskIdOf(name), contentLength: SIZE, lastUsedAt: now - idleHours * HOUR }))
    await storeAll(task, contentOf(SIZE, name))
  }
})
