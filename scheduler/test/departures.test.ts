import assert from 'node:assert/strict'
import { goesToSource, Stage, takes } from './stage.ts'

describe('when a parent goes', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage()
    stage.registers(1)
    for (const peer of ['ann', 'bob', 'cat']) stage.joins(peer)
    stage.has('bob', [0])
    stage.downloads('ann', 1)
  })

  const ways = [
    ['leaves', () => stage.leaves('bob')],
    ['drops the task', () => stage.drops('bob')],
  ] as const
  for (const [what, go] of ways) {
    it(`and ${what}, its pieces come from others as soon as the child has given them up, for the credit that it gives back`, () => {
      stage.has('cat', [0])
      assert.deepEqual(go(), [])
      assert.deepEqual(stage.fails('ann', 0, 'bob', 'unreachable'), [])
      assert.deepEqual(stage.wants('ann', 1), [takes('ann', 0, 'cat')])
      assert.equal(stage.scheduler.stats().inFlight, 1)
    })

    it(`and ${what}, other children no longer wait for what is on its way from there`, () => {
      stage.joins('cdn', { isCdn: true })
      stage.has('cdn', [0])
      stage.changes('bob', { slots: 1 })
      assert.deepEqual(stage.downloads('cat', 1), [])
      assert.deepEqual(go(), [takes('cat', 0, 'cdn')])
    })

    it(`and ${what}, a piece that came all the same counts`, () => {
      stage.has('cat', [0])
      go()
      assert.deepEqual(stage.gets('ann', 0, 'bob'), [])
      assert.equal(stage.scheduler.stats().inFlight, 0)
      assert.deepEqual(stage.wants('ann', 1), [])
      stage.leaves('cat')
      stage.joins('dan')
      assert.deepEqual(stage.downloads('dan', 1), [takes('dan', 0, 'ann')])
    })
  }

  it('a piece done twice, or by somebody who never was a child, counts once', () => {
    stage.gets('ann', 0, 'bob')
    stage.gets('ann', 0, 'bob')
    stage.gets('cat', 0, 'elsewhere')
    stage.leaves('bob')
    stage.leaves('ann')
    stage.joins('dan')
    assert.deepEqual(stage.downloads('dan', 1), [takes('dan', 0, 'cat')])
  })
})

describe('when a child goes', () => {
  it('its slots serve others, and what it has stays on offer', () => {
    const stage = new Stage()
    stage.registers(2)
    for (const peer of ['ann', 'bob', 'cat']) stage.joins(peer, { slots: 1 })
    stage.has('bob', [0, 1])
    stage.has('ann', [1])
    stage.downloads('ann', 1)
    stage.downloads('cat', 2)
    assert.deepEqual(stage.stops('ann'), [takes('cat', 0, 'bob')])
    assert.deepEqual(stage.scheduler.stats(), { peers: 3, tasks: 1, inFlight: 2, waiting: 0 })
  })

  it('leaves no credits behind for when it comes again', () => {
    const stage = new Stage()
    stage.registers(1)
    for (const peer of ['ann', 'bob']) stage.joins(peer)
    stage.downloads('ann', 3)
    stage.stops('ann')
    stage.downloads('ann', 0)
    assert.deepEqual(stage.has('bob', [0]), [])
  })
})

describe('when a task is removed', () => {
  it('what is under way is cancelled and the slots are free', () => {
    const stage = new Stage()
    stage.registers(1)
    for (const peer of ['ann', 'bob']) stage.joins(peer, { slots: 1 })
    stage.has('bob', [0])
    stage.downloads('ann', 1)
    assert.deepEqual(stage.removes(), ['ann cancels 0 from bob'])
    assert.deepEqual(stage.scheduler.stats(), { peers: 2, tasks: 0, inFlight: 0, waiting: 0 })
    assert.deepEqual(stage.gets('ann', 0, 'bob'), [])
  })
})

describe('back-to-source', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage()
    stage.registers(2)
    for (const peer of ['ann', 'bob', 'cat']) stage.joins(peer)
  })

  it('is sent if there is nobody to give anything, and once', () => {
    assert.deepEqual(stage.downloads('ann', 1), [goesToSource('ann', 'no-parent')])
    assert.deepEqual(stage.wants('ann', 1), [])
  })

  it('is sent again after the child got something meanwhile', () => {
    stage.downloads('ann', 2)
    assert.deepEqual(stage.has('bob', [0]), [takes('ann', 0, 'bob')])
    assert.deepEqual(stage.gets('ann', 0, 'bob'), [goesToSource('ann', 'no-parent')])
  })

  it('is not sent while the CDN may still bring the pieces', () => {
    stage.joins('cdn', { isCdn: true })
    assert.deepEqual(stage.downloads('ann', 1), [])
    assert.deepEqual(stage.leaves('cdn'), [goesToSource('ann', 'no-parent')])
  })

  it('is sent to all whom nobody can serve when the origin fails', () => {
    stage.joins('cdn', { isCdn: true })
    stage.has('cdn', [0])
    stage.downloads('ann', 2)
    stage.downloads('bob', 2)
    assert.deepEqual(stage.originFails(), [], 'piece 0 is under way to one and on its way to the other')
    assert.deepEqual(stage.gets('ann', 0, 'cdn'), [takes('bob', 0, 'ann'), goesToSource('ann', 'origin-failed')])
    assert.deepEqual(stage.gets('bob', 0, 'ann'), [goesToSource('bob', 'origin-failed')])
  })

  it('is sent at once to who comes after the origin failed, until the CDN brings something new', () => {
    stage.joins('cdn', { isCdn: true })
    stage.originFails()
    assert.deepEqual(stage.downloads('ann', 1), [goesToSource('ann', 'origin-failed')])
    assert.deepEqual(stage.has('cdn', [0]), [takes('ann', 0, 'cdn')])
    assert.deepEqual(stage.downloads('bob', 2), [])
  })

  it('is sent anew when the origin fails again after the task was registered again', () => {
    stage.joins('cdn', { isCdn: true })
    stage.downloads('ann', 1)
    assert.deepEqual(stage.originFails(), [goesToSource('ann', 'origin-failed')])
    assert.deepEqual(stage.originFails(), [])
    assert.deepEqual(stage.registers(2), [])
    assert.deepEqual(stage.originFails(), [goesToSource('ann', 'origin-failed')])
  })

  it('is sent when the origin fails before the length is known, whatever the child holds', () => {
    stage = new Stage()
    stage.registers(undefined)
    stage.joins('cdn', { isCdn: true })
    stage.joins('ann')
    stage.has('cdn', [0])
    stage.downloads('ann', 2)
    stage.gets('ann', 0, 'cdn')
    assert.deepEqual(stage.originFails(), [goesToSource('ann', 'origin-failed')])
  })

  it('is not sent for a short block, but for a long one of the only parent', () => {
    stage.has('bob', [0, 1])
    stage.downloads('ann', 1)
    const [line] = stage.wants('ann', 1)
    const piece = Number(line?.split(' ')[2])
    assert.deepEqual(stage.fails('ann', piece, 'bob', 'refused'), [])
    stage.wants('ann', 2)
    const commands = stage.fails('ann', 1 - piece, 'bob', 'corrupt')
    assert.deepEqual(commands, [goesToSource('ann', 'no-parent')])
  })

  it('is not sent to a child that has everything', () => {
    stage.has('ann', [0, 1])
    assert.deepEqual(stage.downloads('ann', 3), [])
  })
})
