import assert from 'node:assert/strict'
import type { PeerId } from '@damselfly/shared'
import { RequestSlots } from '../../src/lane/request-slots.ts'

const child = (n: number): PeerId => `child-${n}` as PeerId

describe('slots for requests', () => {
  const takeAll = (slots: RequestSlots, who: PeerId): number => {
    let taken = 0
    while (taken < 10_000 && slots.take(who)) taken++
    return taken
  }

  it('are not all for one child', () => {
    const slots = new RequestSlots(1024)
    assert.equal(takeAll(slots, child(0)), 128)
    assert.equal(takeAll(slots, child(1)), 128)
    slots.give(child(0))
    assert.equal(takeAll(slots, child(0)), 1)
  })

  it('are there for whoever has fewer than its share, though others hold them all', () => {
    const slots = new RequestSlots(128)
    assert.equal(takeAll(slots, child(0)) + takeAll(slots, child(1)), 128)
    assert.equal(slots.open, 128)
    const honest = takeAll(slots, child(2))
    assert.ok(honest >= 42, `${honest} for the third`)
    assert.equal(takeAll(slots, child(0)), 0)
  })

  it('never become more than twice the limit, however many ask', () => {
    const slots = new RequestSlots(128)
    for (let n = 0; n < 10_000; n++) takeAll(slots, child(n))
    assert.ok(slots.open <= 256, `${slots.open}`)
  })
})
