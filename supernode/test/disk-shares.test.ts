import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contentOf, storeAll, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { isDamselflyError, type PeerId, type TaskId, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { createRegistry } from '@damselfly/shared/metrics'
import fc from 'fast-check'
import { CdnStore } from '../src/swarm/cdn-store.ts'
import { DiskShares } from '../src/swarm/disk-shares.ts'

const [greedy, modest] = ['greedy' as PeerId, 'modest' as PeerId]
const SIZE = 64 * 1024

describe('shares of the disk', () => {
  const id = (name: string | number): TaskId => taskIdOf(`${name}`)

  it('are filled by contents that one peer alone has asked for', () => {
    const shares = new DiskShares(0.5)
    for (const name of ['a', 'b', 'c']) {
      shares.demanded(id(name), greedy, 0)
      shares.sized(id(name), 20)
    }
    assert.equal(shares.excessWith(id('c'), 20, 100), 10)
    assert.deepEqual(shares.victims(100), [id('a')])
    shares.demanded(id('a'), modest, 20)
    assert.deepEqual(shares.victims(100), [], 'two have asked for it')
    shares.demanded(id('old'), greedy, 20)
    shares.sized(id('old'), 50)
    assert.deepEqual(shares.victims(100), [], 'that was here before')
    assert.equal(shares.excessWith(id('new'), 1000, 100), 0, 'nobody asked for it')
  })

  it('give back first what was demanded longest ago', () => {
    const shares = new DiskShares(0.1)
    for (const name of ['a', 'b', 'c', 'a']) {
      shares.demanded(id(name), greedy, 0)
      shares.sized(id(name), 10)
    }
    assert.deepEqual(shares.victims(100), ['b', 'c'].map(id))
    assert.deepEqual([...shares.othersOf(id('b'))], ['c', 'a'].map(id))
  })

  it('are counted for a bounded number of contents, and rightly whatever comes', () => {
    const step = fc.record({ task: fc.nat(30), peer: fc.constantFrom(greedy, modest), what: fc.constantFrom('demanded', 'sized', 'forget'), bytes: fc.nat(100) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const shares = new DiskShares(0, 10)
        for (const { task, peer, what, bytes } of steps) {
          if (what === 'demanded') shares.demanded(id(task), peer, 0)
          else if (what === 'sized') shares.sized(id(task), bytes)
          else shares.forget(id(task))
        }
        assert.ok(shares.size <= 10)
        // With a share of nothing, all that has a size is too much.
        for (const victim of shares.victims(100)) shares.forget(victim)
        assert.deepEqual(shares.victims(100), [])
        for (let task = 0; task <= 30; task++) assert.ok(shares.excessWith(id(task), 0, 100) === 0)
      }),
    )
  })
})

describe('the disk of the CDN', () => {
  let directory: string
  let store: CdnStore
  let wanted: Set<TaskId>
  let isShared: boolean
  beforeEach(async () => {
    isShared = true
    directory = await mkdtemp(join(tmpdir(), 'damselfly-shares-'))
    wanted = new Set()
    store = await CdnStore.create({
      directory: join(directory, 'pieces'),
      storage: { driver: 'local' } as Parameters<typeof CdnStore.create>[0]['storage'],
      limits: { quota: 10 * SIZE, minFreePercent: 0 },
      diskPerPeer: 0.5,
      scrub: { rate: 0, every: 0 },
      scrubStateFile: join(directory, 'scrub.json'),
      clock: new VirtualClock(Date.UTC(2030, 0, 1)),
      logger: silentLogger(),
    })
    await store.pieces.start()
    const tasks = { isWanted: (taskId: TaskId) => wanted.has(taskId), get: () => undefined }
    store.usedBy({ tasks, isShared: () => isShared, fetchAgain: () => undefined })
  })
  afterEach(async () => {
    await store.pieces.stop()
    await rm(directory, { recursive: true })
  })

  const bring = async (peer: PeerId, name: string, size = SIZE): Promise<void> => {
    const taskId = taskIdOf(name)
    store.shares.demanded(taskId, peer, store.pieces.summary(taskId)?.verifiedBytes ?? 0)
    const task = await store.pieces.create(taskRecord({ taskId, contentLength: size, lastUsedAt: Date.UTC(2029, 0, 1) }))
    await storeAll(task, contentOf(size, name))
  }
  const held = (prefix: string): number => Array.from({ length: 60 }, (_, n) => store.pieces.summary(taskIdOf(`${prefix}${n}`))).filter((task) => task !== undefined).length

  it('keeps what others have asked for, however much one peer asks for', async () => {
    for (let n = 0; n < 4; n++) await bring(modest, `m${n}`)
    for (let n = 0; n < 25; n++) await bring(greedy, `g${n}`)
    assert.equal(held('m'), 4)
    assert.ok(held('g') >= 4 && held('g') <= 6, `${held('g')} of the greedy one`)
    const registry = createRegistry()
    store.expose(registry)
    const [, evicted] = /disk_share_evicted_tasks_total (\d+)/.exec(await registry.metrics()) ?? []
    assert.ok(Number(evicted) >= 15, `${evicted} evicted`)
  })

  it('is all of one peer as long as nobody else needs it', async () => {
    for (let n = 0; n < 9; n++) await bring(greedy, `g${n}`)
    assert.equal(held('g'), 9)
  })

  it('is all of a peer that is alone, whose old contents go like those of others', async () => {
    isShared = false
    for (let n = 0; n < 5; n++) await bring(modest, `m${n}`)
    for (let n = 0; n < 10; n++) {
      wanted.add(taskIdOf(`g${n}`))
      await bring(greedy, `g${n}`)
    }
    assert.deepEqual([held('m'), held('g')], [0, 10])
  })

  it('takes one content of each peer, however large', async () => {
    for (let n = 0; n < 4; n++) await bring(modest, `m${n}`)
    for (let n = 0; n < 3; n++) await bring(greedy, `g${n}`)
    await bring(greedy, 'g3', 8 * SIZE)
    assert.equal(held('g'), 1)
    assert.ok(held('m') >= 1)
  })

  it('takes from who has more than its share what another one needs', async () => {
    for (let n = 0; n < 9; n++) await bring(greedy, `g${n}`)
    for (let n = 0; n < 4; n++) await bring(modest, `m${n}`)
    assert.equal(held('m'), 4)
    assert.ok(held('g') >= 4)
  })

  it('refuses what a peer has no more room for, when it lets go of nothing', async () => {
    for (let n = 0; n < 4; n++) await bring(modest, `m${n}`)
    let refused = 0
    for (let n = 0; n < 20; n++) {
      wanted.add(taskIdOf(`g${n}`))
      await bring(greedy, `g${n}`).catch((error: unknown) => {
        assert.ok(isDamselflyError(error, 'SUPERNODE_OVERLOADED'))
        refused++
      })
    }
    assert.ok(refused >= 13, `${refused} refused`)
    assert.equal(held('m'), 4)
  })
})
