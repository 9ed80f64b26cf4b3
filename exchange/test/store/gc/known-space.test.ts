import assert from 'node:assert/strict'
import { KnownSpace } from '@damselfly/exchange'
import { VirtualClock } from '@damselfly/shared'

describe('what is known of the space on a disk', () => {
  let clock: VirtualClock
  let used: number
  let free: number
  let known: KnownSpace

  beforeEach(() => {
    clock = new VirtualClock()
    used = 100
    free = 1000
    known = new KnownSpace({ disk: () => Promise.resolve({ free, total: 5000 }), used: () => used, clock })
  })

  it('is nothing before the first look', () => {
    assert.equal(known.recall(), undefined)
  })

  it('counts for half a second', async () => {
    await known.look()
    free = 10
    clock.advance(499)
    assert.deepEqual(known.recall(), { used: 100, free: 1000, total: 5000 })
    clock.advance(1)
    assert.equal(known.recall(), undefined)
    assert.equal((await known.look()).free, 10)
  })

  it('is less by what contents took since, and no more by what was deleted', async () => {
    await known.look()
    used = 400
    assert.deepEqual(known.recall(), { used: 400, free: 700, total: 5000 })
    used = 0
    assert.deepEqual(known.recall(), { used: 0, free: 1000, total: 5000 })
  })
})
