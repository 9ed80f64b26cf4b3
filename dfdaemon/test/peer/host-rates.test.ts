import assert from 'node:assert/strict'
import { ORIGIN_PEER, VirtualClock, type TaskId } from '@damselfly/shared'
import { HostRates, NO_RATES } from '../../src/peer/host-rates.ts'

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)] as TaskId[] as [TaskId, TaskId]
const NOTHING = { upload: 0, download: 0, origin: 0 }

describe('the rates of a host', () => {
  const make = (settings: Partial<typeof NO_RATES> = {}): HostRates => new HostRates({ ...NO_RATES, ...settings }, new VirtualClock())
  const isFree = ({ downloads }: HostRates, task: TaskId = A, peer = 'peer'): boolean => downloads.flow({ task, peer }).unlimited

  it('are lowered by the supernode, never raised, and are their own again afterwards', () => {
    const rates = make({ upload: 100, download: 0 })
    rates.supernodeAllows({ upload: 200, download: 50, origin: 0 })
    assert.deepEqual([rates.uploads.limits.host, rates.downloads.limits.host], [100, 50])
    rates.supernodeAllows({ upload: 30, download: 0, origin: 0 })
    assert.deepEqual([rates.uploads.limits.host, rates.downloads.limits.host], [30, 0])
    rates.change({ upload: 20 })
    assert.equal(rates.uploads.limits.host, 20)
    rates.change({ upload: 0 })
    assert.equal(rates.uploads.limits.host, 30)
    rates.supernodeAllows(NOTHING)
    assert.equal(rates.uploads.limits.host, 0)
  })

  it('limit origins together, whatever one peer may give', () => {
    const rates = make({ origin: 10 })
    assert.deepEqual([isFree(rates, A, ORIGIN_PEER), isFree(rates)], [false, true])
    rates.change({ origin: 0, peerDownload: 5 })
    assert.deepEqual([isFree(rates, A, ORIGIN_PEER), isFree(rates)], [true, false])
    rates.supernodeAllows({ ...NOTHING, origin: 7 })
    assert.ok(!isFree(rates, A, ORIGIN_PEER))
  })

  it('of a task are those that its fastest caller wishes, for as long as it wishes', () => {
    const rates = make()
    const first = rates.wish(A, { rate: 10, priority: 'foreground' })
    const second = rates.wish(A, { rate: 20, priority: 'foreground' })
    assert.deepEqual([...rates.downloads.taskLimits], [[A, 20]])
    second()
    assert.deepEqual([...rates.downloads.taskLimits], [[A, 10]])
    const unlimited = rates.wish(A, { rate: undefined, priority: 'foreground' })
    assert.ok(isFree(rates))
    unlimited()
    first()
    first()
    assert.deepEqual([...rates.downloads.taskLimits], [])
  })

  it('of a task are no more than all tasks may have, unless it was given its own', () => {
    const rates = make({ taskDownload: 15 })
    rates.wish(A, { rate: 20, priority: 'foreground' })
    assert.deepEqual([...rates.downloads.taskLimits], [[A, 15]])
    rates.change({ taskDownload: 5 })
    assert.deepEqual([...rates.downloads.taskLimits], [[A, 5]])
    rates.limitTask(A, { upload: 3, download: 100 })
    assert.deepEqual([[...rates.downloads.taskLimits], [...rates.uploads.taskLimits]], [[[A, 100]], [[A, 3]]])
    rates.limitTask(A, { upload: undefined, download: undefined })
    assert.deepEqual([[...rates.downloads.taskLimits], [...rates.uploads.taskLimits], rates.tasks.size], [[[A, 5]], [], 0])
  })

  it('serve a task in foreground as soon as one caller waits for it', () => {
    const rates = make()
    rates.wish(A, { rate: undefined, priority: 'background' })
    assert.deepEqual([rates.priorityOf(A), rates.priorityOf(B)], ['background', 'foreground'])
    const waiting = rates.wish(A, { rate: undefined, priority: 'foreground' })
    assert.equal(rates.priorityOf(A), 'foreground')
    waiting()
    assert.equal(rates.priorityOf(A), 'background')
  })

  it('tell when callers make a task more or less urgent', () => {
    const rates = make()
    const told: string[] = []
    rates.onPriority((task, priority) => told.push(`${task === A ? 'A' : 'B'} ${priority}`))
    const background = rates.wish(A, { rate: undefined, priority: 'background' })
    rates.wish(B, { rate: undefined, priority: 'foreground' })
    const waiting = rates.wish(A, { rate: 10, priority: 'foreground' })
    rates.wish(A, { rate: 20, priority: 'foreground' })()
    waiting()
    background()
    assert.deepEqual(told, ['A background', 'A foreground', 'A background', 'A foreground'])
  })
})
