import assert from 'node:assert/strict'
import fc from 'fast-check'
import { taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import type { TaskSummary } from '@damselfly/exchange'
import { evictionRanks } from '../../../src/store/gc/eviction-order.ts'
import { inOrder } from '../../../src/store/table/first-tasks.ts'
import { shortageOf } from '../../../src/store/gc/space.ts'

const NOW = 1e12
const MINUTE = 60_000

const candidates = fc.array(fc.record({ verifiedBytes: fc.nat(1e9), idle: fc.nat(1e9) })).map((tasks) =>
  tasks.map(({ verifiedBytes, idle }, i) => candidate(`${i}`, verifiedBytes, idle)),
)

describe('the order of eviction', () => {
  it('has nobody go before one that was idle more than twice as long', () => {
    fc.assert(
      fc.property(candidates, (tasks) => {
        const idle = inOrder(tasks, evictionRanks(NOW)).map(({ lastUsedAt }) => NOW - lastUsedAt)
        for (const [i, first] of idle.entries()) {
          for (const later of idle.slice(i + 1)) assert.ok(later < 2 * Math.max(first, MINUTE))
        }
      }),
    )
  })

  it('has the largest go first among those idle about as long', () => {
    const tasks = [['small', 1, 100], ['large', 9, 110], ['older', 1, 1000]] as const
    const order = inOrder(tasks.map(([name, verifiedBytes, minutes]) => candidate(name, verifiedBytes, minutes * MINUTE)), evictionRanks(NOW))
    assert.deepEqual(order.map(({ taskId }) => taskId), ['older', 'large', 'small'].map(taskIdOf))
  })
})

describe('a shortage', () => {
  const space = { used: 900, free: 100, total: 1000 }

  it('is none within the limits', () => {
    assert.deepEqual(shortageOf(space, { quota: 0, minFreePercent: 10 }, 0), { ofQuota: 0, ofDisk: 0 })
    assert.deepEqual(shortageOf(space, { quota: 900, minFreePercent: 0 }, 0), { ofQuota: 0, ofDisk: 0 })
  })

  it('counts what is about to be written, and a tenth to spare', () => {
    assert.deepEqual(shortageOf(space, { quota: 900, minFreePercent: 10 }, 50), { ofQuota: 140, ofDisk: 60 })
  })
})

function candidate(name: string, verifiedBytes: number, idle: number): TaskSummary {
  return { ...taskRecord({ taskId: taskIdOf(name), lastUsedAt: NOW - idle }), verifiedBytes }
}
