import assert from 'node:assert/strict'
import { createLocalPieceStore, LATEST_USE, MOST_BYTES, MOST_HITS, MOST_SAVED, type PieceStore, type TaskRank } from '@damselfly/exchange'
import { contentOf, storeAll, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { VirtualClock, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { taskFilter, taskOrder } from '../src/api/task-order.ts'
import { TASK_ORDERS } from '../src/api/schemas.ts'
import { TaskCatalogue, type ListedTask, type TaskListing } from '../src/swarm/task-catalogue.ts'
import type { Task } from '../src/swarm/task.ts'
import { UseLedger } from '../src/swarm/use-ledger.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'live', 'both']

describe('the catalogue of tasks', () => {
  let directory: string
  let clock: VirtualClock
  let store: PieceStore
  let uses: UseLedger
  let live: Map<TaskId, Task>
  let catalogue: TaskCatalogue

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-catalogue-'))
    clock = new VirtualClock()
    store = createLocalPieceStore({ directory, clock, logger: silentLogger() })
    await store.start()
    uses = new UseLedger({ store, clock, logger: silentLogger() })
    live = new Map()
    const unused = (): never => assert.fail('asked for something else')
    catalogue = new TaskCatalogue({
      tasks: { get: (taskId) => live.get(taskId), list: () => live.values(), use: unused },
      store,
      cdn: { confirm: unused },
      uses,
    })
    for (const [number, name] of ['a', 'b', 'c', 'd', 'e'].entries()) await keep(name, { lastUsedAt: 100 + number, tag: number < 2 ? 'few' : '' })
  })

  afterEach(async () => {
    await uses.stop()
    await store.stop()
    await rm(directory, { recursive: true })
  })

  it('lists tasks of the disk and of swarms in one order, each once', async () => {
    await keep('both', { lastUsedAt: 1 })
    swarm('both', 103.5)
    swarm('live', 200)
    assert.deepEqual(listed([LATEST_USE]), ['live', 'e', 'both', 'd', 'c', 'b', 'a'])
    assert.deepEqual(listed([]).toSorted(), ['a', 'b', 'both', 'c', 'd', 'e', 'live'])
  })

  it('counts uses that the disk has not heard of', async () => {
    await (await store.open(taskIdOf('b')))!.update({ uses: { hits: 3, servedBytes: 50, originBytes: 10 } })
    uses.hit(taskIdOf('d'))
    for (let hit = 0; hit < 4; hit++) uses.hit(taskIdOf('e'))
    uses.served(taskIdOf('c'), 45)
    assert.deepEqual(listed([MOST_HITS]).slice(0, 3), ['e', 'b', 'd'])
    assert.deepEqual(listed([MOST_SAVED]).slice(0, 2), ['c', 'b'])
    const [first] = catalogue.first({ ranks: [MOST_HITS], limit: 1 })
    assert.equal(first?.uses?.hits, 4)
  })

  for (const name of TASK_ORDERS) {
    it(`gives by ${name} page after page what it gives at once`, async () => {
      await keep('both', { lastUsedAt: 50 })
      swarm('both', 102)
      swarm('live', 102)
      for (const [number, hit] of ['a', 'c', 'both', 'live', 'c'].entries()) {
        uses.hit(taskIdOf(hit))
        uses.served(taskIdOf(hit), number * 10)
      }
      const { ranks, keyOf, positionAt } = taskOrder(name)
      const whole = listed(ranks)
      assert.equal(whole.length, 7)
      for (const limit of [1, 2, 3, 7]) {
        const paged: string[] = []
        let page = catalogue.first({ ranks, limit })
        while (page.length > 0) {
          paged.push(...namesOf(page))
          // As it travels through the API.
          page = catalogue.first({ ranks, limit, after: positionAt(keyOf(page.at(-1) as ListedTask)) })
        }
        assert.deepEqual(paged, whole)
      }
    })
  }

  it('refuses a place that is none in the order', () => {
    for (const key of ['', 'x', taskIdOf('a'), `1.${'x'.repeat(64)}`, `-1.${taskIdOf('a')}`, `1e5.${taskIdOf('a')}`]) {
      assert.throws(() => taskOrder('hits').positionAt(key), { code: 'USAGE' })
    }
  })

  it('gives those that are asked for', async () => {
    await keep('both', { tag: 'few' })
    swarm('both', 7, 'fetching')
    swarm('live', 7, 'failed')
    await (await store.open(taskIdOf('c')))!.update({ pinned: true })
    await storeAll((await store.open(taskIdOf('d')))!, contentOf(10_000, 'd'))
    const chosen = (query: Partial<Parameters<typeof taskFilter>[0]>): string[] => {
      return listed([], taskFilter({ limit: 100, sort: 'taskId', ...query })).toSorted()
    }
    assert.deepEqual(chosen({ tag: 'few' }), ['a', 'b', 'both'])
    assert.deepEqual(chosen({ pinned: true }), ['c'])
    assert.deepEqual(chosen({ source: 'complete' }), ['d'])
    assert.deepEqual(chosen({ source: 'fetching' }), ['both'])
    assert.deepEqual(chosen({ source: 'idle', tag: '', pinned: false }), ['e'])
    assert.equal(taskFilter({ limit: 100, sort: 'taskId' }), undefined)
  })

  it('puts what has most on the disk first', async () => {
    await storeAll((await store.open(taskIdOf('d')))!, contentOf(10_000, 'd'))
    assert.equal(listed([MOST_BYTES])[0], 'd')
    assert.equal(catalogue.heldBytes(taskIdOf('d')), 10_000)
  })

  it('leaves out of a page what was deleted since it was chosen', async () => {
    const page = catalogue.first({ ranks: [LATEST_USE], limit: 2 })
    await store.delete(taskIdOf('e'))
    assert.deepEqual((await catalogue.describe(page)).map(({ taskId }) => taskId), [taskIdOf('d')])
    assert.equal(await catalogue.find(taskIdOf('e')), undefined)
    assert.equal((await catalogue.find(taskIdOf('d')))?.record?.lastUsedAt, 103)
  })

  async function keep(name: string, change: Parameters<typeof taskRecord>[0]): Promise<void> {
    await store.create(taskRecord({ ...change, taskId: taskIdOf(name) }))
  }

  function swarm(name: string, lastUsedAt: number, state = 'idle'): void {
    const taskId = taskIdOf(name)
    const spec = { taskId, url: 'https://a.example/', tag: '', application: '' }
    const content = { layout: undefined, pieceSize: undefined, isPrivate: false }
    live.set(taskId, { swarm: { taskId, spec, content }, source: { state: { type: state } }, createdAt: 0, lastUsedAt } as unknown as Task)
  }

  function listed(ranks: readonly TaskRank[], matches?: TaskListing['matches']): string[] {
    return namesOf(catalogue.first({ ranks, limit: 100, matches }))
  }
})

function namesOf(tasks: readonly ListedTask[]): string[] {
  const names = new Map(NAMES.map((name) => [taskIdOf(name), name]))
  return tasks.map(({ taskId }) => names.get(taskId) ?? taskId)
}
