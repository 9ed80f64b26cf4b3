import assert from 'node:assert/strict'
import type { PeerId } from '@damselfly/shared'
import { Stage, takes } from './stage.ts'

describe('assignments', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage()
    stage.registers(4)
    for (const peer of ['ann', 'bob', 'cat']) stage.joins(peer, { slots: 2 })
  })

  it('use one credit each', () => {
    stage.has('ann', [0, 1, 2, 3])
    assert.equal(stage.downloads('bob', 1).length, 1)
    assert.equal(stage.wants('bob', 1).length, 1)
  })

  it('never exceed the slots of a parent, over all tasks', () => {
    stage.registers(4, 'other')
    stage.has('ann', [0, 1, 2, 3])
    stage.has('ann', [0, 1, 2, 3], 'other')
    assert.equal(stage.downloads('bob', 1).length, 1)
    assert.equal(stage.downloads('cat', 4, 'rarest-first', 'other').length, 1)
    assert.deepEqual(stage.downloads('cat', 4), [])
  })

  it('give different pieces to different children first', () => {
    stage.has('ann', [0, 1])
    const [first] = stage.downloads('bob', 1)
    const [second] = stage.downloads('cat', 1)
    assert.notEqual(first?.split(' ')[2], second?.split(' ')[2])
  })

  it('give pieces in order to a child that streams', () => {
    stage.has('ann', [3, 2, 1, 0])
    assert.deepEqual(stage.downloads('bob', 2, 'in-order'), [takes('bob', 0, 'ann'), takes('bob', 1, 'ann')])
  })

  it('give a child that streams what comes from where it reads, and what is before that last', () => {
    const long = new Stage({}, 'long')
    long.registers(200)
    for (const peer of ['ann', 'bob']) long.joins(peer, { slots: 200 })
    long.has('ann', Array.from({ length: 200 }, (_, piece) => piece))
    assert.deepEqual(long.downloads('bob', 1, 'in-order'), [takes('bob', 0, 'ann')])
    assert.deepEqual(long.reads('bob', 198, 1), [takes('bob', 198, 'ann')])
    // What is not said again is as before.
    assert.deepEqual(long.wants('bob', 1), [takes('bob', 199, 'ann')])
    long.has('bob', [198, 199])
    assert.deepEqual(long.wants('bob', 1), [takes('bob', 1, 'ann')])
    assert.deepEqual(long.reads('bob', 20, 1), [takes('bob', 20, 'ann')])
    assert.deepEqual(long.reads('bob', 4_000_000_000, 1), [takes('bob', 2, 'ann')])
  })

  it('come from the nearest parent, among a thousand as well', () => {
    stage = new Stage()
    stage.registers(4)
    for (let peer = 0; peer < 1000; peer++) {
      stage.joins(`peer-${peer}`, { at: `here/zone-${peer % 10}/rack-${peer % 500}` })
      stage.has(`peer-${peer}`, [0, 1, 2, 3])
    }
    stage.joins('child', { at: 'here/zone-7/rack-77' })
    for (const line of stage.downloads('child', 4)) assert.match(line, /from peer-(77|577)$/)
  })

  it('are not given to peers that do not want any, nor for what is unknown', () => {
    stage.has('ann', [0])
    assert.deepEqual(stage.wants('bob', 3), [])
    assert.deepEqual(stage.downloads('nobody', 3), [])
    assert.deepEqual(stage.downloads('bob', 3, 'rarest-first', 'no-task'), [])
    assert.deepEqual(stage.has('ann', [4, -1, 0.5, NaN]), [])
    assert.equal(stage.downloads('bob', 3).length, 1)
  })

  it('never come from a peer that has no slots or listens on no lane', () => {
    stage.has('ann', [0])
    stage.changes('ann', { slots: 0 })
    stage.joins('deaf')
    stage.has('deaf', [0])
    stage.scheduler.handle({
      type: 'capacity-changed',
      peer: 'deaf' as never,
      capacity: { uploadSlots: 4, isCdn: false, location: { location: '', zone: '', rack: '' }, lanes: [] },
    }, 0)
    assert.deepEqual(stage.downloads('bob', 1).filter((line) => line.includes('takes')), [])
  })
})

describe('a waiting child', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage()
    stage.registers(2)
    stage.joins('cdn', { isCdn: true, slots: 1 })
    for (const peer of ['ann', 'bob', 'cat']) stage.joins(peer, { slots: 1 })
  })

  it('is served as soon as a piece appears', () => {
    stage.downloads('ann', 2)
    assert.equal(stage.scheduler.stats().waiting, 1)
    assert.deepEqual(stage.has('bob', [1]), [takes('ann', 1, 'bob')])
  })

  it('is served by a child that just got a piece', () => {
    stage.has('bob', [0])
    stage.downloads('ann', 1)
    stage.downloads('cat', 1)
    assert.deepEqual(stage.gets('ann', 0, 'bob').toSorted(), [takes('cat', 0, 'ann')])
  })

  it('is served as soon as a slot frees, also by another task', () => {
    stage.registers(1, 'other')
    stage.has('bob', [0])
    stage.has('bob', [0], 'other')
    stage.downloads('ann', 1)
    assert.deepEqual(stage.downloads('cat', 1, 'rarest-first', 'other'), [])
    assert.deepEqual(stage.fails('ann', 0, 'bob', 'cancelled').slice(0, 1), [takes('cat', 0, 'bob')])
  })

  it('is served before a child that just had the slot', () => {
    stage.has('bob', [0, 1])
    const [first] = stage.downloads('ann', 2)
    stage.downloads('cat', 1)
    const piece = Number(first?.split(' ')[2])
    const commands = stage.gets('ann', piece, 'bob')
    assert.ok(commands.some((line) => line.startsWith('cat')), commands.join(', '))
  })

  it('is served as soon as a parent has more slots', () => {
    stage.has('bob', [0, 1])
    stage.downloads('ann', 1)
    stage.downloads('cat', 1)
    assert.deepEqual(stage.changes('bob', { slots: 2 }).map((line) => line.split(' ')[0]), ['cat'])
  })

  it('is served when the block of its parent ends', () => {
    stage.has('bob', [0])
    stage.downloads('ann', 2)
    assert.deepEqual(stage.fails('ann', 0, 'bob', 'refused'), [])
    assert.equal(stage.scheduler.nextTick(), 1_000)
    assert.deepEqual(stage.passes(999), [])
    assert.deepEqual(stage.passes(1), [takes('ann', 0, 'bob')])
  })

  it('is served when the block of its parent for everybody ends', () => {
    stage.has('bob', [0])
    stage.scheduler.handle({ type: 'parent-caught', peer: 'bob' as PeerId }, stage.now)
    assert.deepEqual(stage.scheduler.snapshotBlocklist()[0], {
      parent: 'bob', child: undefined, reason: 'corrupt', until: 60_000, failures: 1,
    })
    assert.deepEqual(stage.downloads('ann', 1), [])
    assert.deepEqual(stage.passes(60_000), [takes('ann', 0, 'bob')])
  })
})

describe('a blocked peer', () => {
  it('can still be a child', () => {
    const stage = new Stage()
    stage.registers(2)
    for (const peer of ['ann', 'bob']) stage.joins(peer)
    stage.has('ann', [0])
    stage.has('bob', [1])
    stage.downloads('bob', 1)
    stage.fails('bob', 0, 'ann', 'corrupt')
    assert.deepEqual(stage.downloads('ann', 1), [takes('ann', 1, 'bob')])
  })
})
