import assert from 'node:assert/strict'
import { adaptiveSlots } from '../../src/policies/adaptive-slots.ts'
import type { SlotControl } from '../../src/policies/upload-slots.ts'
import { Stage, takes } from '../stage.ts'

/** Uploads as many as the control lets it, again and again. @param throughput of all together, by how many they are */
function upload(control: SlotControl, times: number, throughput: (atOnce: number) => number): void {
  for (let time = 0; time < times; time++) {
    const atOnce = control.limit
    control.uploaded({ throughput: throughput(atOnce), atOnce })
  }
}

describe('adaptive slots', () => {
  it('send one piece at a time where that fills the uplink', () => {
    const control = adaptiveSlots().control(false)
    upload(control, 1000, () => 100)
    assert.equal(control.limit, 1)
  })

  it('send as many at once as it takes to fill the uplink', () => {
    const control = adaptiveSlots().control(false)
    upload(control, 2000, (atOnce) => 100 * Math.min(atOnce, 8))
    assert.ok(control.limit >= 7 && control.limit <= 16, `${control.limit}`)
  })

  it('go back to fewer when the uplink is filled by fewer', () => {
    const control = adaptiveSlots().control(false)
    upload(control, 2000, (atOnce) => 100 * Math.min(atOnce, 8))
    upload(control, 5000, () => 100)
    assert.ok(control.limit <= 2, `${control.limit}`)
  })

  it('let newcomers begin with what others have found', () => {
    const slots = adaptiveSlots()
    for (let peer = 0; peer < 20; peer++) upload(slots.control(false), 500, (atOnce) => 100 * Math.min(atOnce, 4))
    assert.ok(slots.control(false).limit >= 3)
    assert.equal(slots.control(true).limit, 1, 'the CDN is not like peers')
  })
})

describe('a parent that holds slots back', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage({ policies: { uploadSlots: adaptiveSlots() } })
    stage.registers(4)
    for (const peer of ['ann', 'bob', 'cat']) stage.joins(peer)
    stage.has('ann', [0, 1, 2, 3])
  })

  it('gives a child that is alone all that it asks for', () => {
    assert.equal(stage.downloads('bob', 3).length, 3)
  })

  it('serves one of several children at a time', () => {
    stage.downloads('bob', 0)
    stage.downloads('cat', 0)
    assert.equal(stage.wants('bob', 2).length, 1)
    assert.deepEqual(stage.wants('cat', 1), [])
  })

  it('gives all slots to the child that is left alone', () => {
    stage.downloads('bob', 0)
    stage.downloads('cat', 2)
    assert.deepEqual(stage.wants('bob', 3), [])
    assert.equal(stage.stops('cat').length, 3)
  })

  it('turns to another child when one takes far too long', () => {
    stage.downloads('bob', 0)
    stage.downloads('cat', 1)
    stage.wants('bob', 1)
    assert.equal(stage.scheduler.nextTick(), 1_000)
    const [line = ''] = stage.passes(1_000)
    assert.ok([0, 1, 2, 3].some((piece) => line === takes('bob', piece, 'ann')), line)
  })

  it('that has never finished an upload is trusted with one more only, since it may crawl', () => {
    stage.downloads('bob', 0)
    stage.downloads('cat', 2)
    stage.wants('bob', 2)
    for (let waited = 0; waited < 10; waited++) stage.passes(1_000)
    assert.equal(stage.scheduler.stats().inFlight, 2)
  })
})
