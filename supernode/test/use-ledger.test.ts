import assert from 'node:assert/strict'
import type { CdnTask } from '@damselfly/cdn'
import type { StoredTask, UseCounts } from '@damselfly/exchange'
import { taskIdOf } from '@damselfly/exchange/testing/piece-store'
import { VirtualClock, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { UseLedger } from '../src/swarm/use-ledger.ts'

const TASK = taskIdOf('a task')
const FLUSH = 30_000

describe('the ledger of uses', () => {
  let clock: VirtualClock
  let kept: Map<TaskId, UseCounts>
  let writes: number
  let fails: boolean
  let ledger: UseLedger

  beforeEach(() => {
    clock = new VirtualClock()
    kept = new Map()
    writes = 0
    fails = false
    ledger = new UseLedger({ store: { open }, clock, logger: silentLogger() })
  })

  it('adds what is counted to what the store has', () => {
    ledger.hit(TASK)
    ledger.served(TASK, 100)
    ledger.served(TASK, 0)
    assert.deepEqual(ledger.of(TASK, { uses: { hits: 2, servedBytes: 50, originBytes: 10 } }), { hits: 3, servedBytes: 150, originBytes: 10 })
    assert.deepEqual(ledger.of(TASK, undefined), { hits: 1, servedBytes: 100, originBytes: 0 })
    assert.deepEqual(ledger.of(taskIdOf('another'), undefined), { hits: 0, servedBytes: 0, originBytes: 0 })
    assert.deepEqual([...ledger.fresh()], [TASK])
  })

  it('tells the store now and then, all at once', async () => {
    kept.set(TASK, { hits: 5, servedBytes: 0, originBytes: 0 })
    for (let hit = 0; hit < 3; hit++) ledger.hit(TASK)
    clock.advance(FLUSH - 1)
    assert.equal(writes, 0)
    clock.advance(1)
    await settled(() => writes === 1)
    assert.deepEqual(kept.get(TASK), { hits: 8, servedBytes: 0, originBytes: 0 })
    assert.deepEqual([...ledger.fresh()], [])
    assert.equal(clock.pending, 0)
  })

  it('counts what comes while the store is told for the next time', async () => {
    kept.set(TASK, { hits: 0, servedBytes: 0, originBytes: 0 })
    ledger.hit(TASK)
    clock.advance(FLUSH)
    await settled(() => writes === 1)
    ledger.hit(TASK)
    clock.advance(FLUSH)
    await settled(() => writes === 2)
    assert.equal(kept.get(TASK)?.hits, 2)
  })

  it('keeps counts of what the store does not hold, of so many tasks at most', async () => {
    for (let task = 0; task < 10_010; task++) ledger.hit(taskIdOf(`${task}`))
    await ledger.stop()
    const fresh = [...ledger.fresh()]
    assert.equal(fresh.length, 10_000)
    assert.equal(fresh[0], taskIdOf('10'))
  })

  it('counts a fetch once', () => {
    const fetched = { spec: { taskId: TASK }, originBytes: 70 } as CdnTask
    ledger.fetched(fetched)
    ledger.fetched(fetched)
    assert.equal(ledger.of(TASK, undefined).originBytes, 70)
  })

  it('writes what is left when it stops, and nothing later', async () => {
    kept.set(TASK, { hits: 0, servedBytes: 0, originBytes: 0 })
    ledger.hit(TASK)
    await ledger.stop()
    assert.equal(kept.get(TASK)?.hits, 1)
    assert.equal(clock.pending, 0)
  })

  it('goes on with other tasks when one cannot be written', async () => {
    const other = taskIdOf('another')
    kept.set(other, { hits: 0, servedBytes: 0, originBytes: 0 })
    fails = true
    ledger.hit(TASK)
    ledger.hit(other)
    await ledger.stop()
    assert.equal(kept.get(other)?.hits, 1)
  })

  async function open(taskId: TaskId): Promise<StoredTask | undefined> {
    if (fails && taskId === TASK) throw new Error('the disk fails')
    const uses = kept.get(taskId)
    if (uses === undefined) return undefined
    const update = async (change: { uses?: UseCounts }): Promise<void> => {
      writes++
      if (change.uses !== undefined) kept.set(taskId, change.uses)
    }
    return { record: { uses }, update } as unknown as StoredTask
  }
})

async function settled(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate)
}
