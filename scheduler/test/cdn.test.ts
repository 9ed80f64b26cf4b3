import assert from 'node:assert/strict'
import { Stage, takes } from './stage.ts'

describe('the CDN', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage()
    stage.registers(3)
    stage.joins('cdn', { isCdn: true, slots: 8 })
    for (const peer of ['ann', 'bob', 'cat']) stage.joins(peer, { slots: 1 })
  })

  it('is the last resort: a peer that has the piece gives it', () => {
    stage.has('cdn', [0])
    stage.has('bob', [0])
    assert.deepEqual(stage.downloads('ann', 1), [takes('ann', 0, 'bob')])
  })

  it('gives a piece once; others wait for the child that is getting it', () => {
    stage.has('cdn', [0])
    assert.deepEqual(stage.downloads('ann', 3), [takes('ann', 0, 'cdn')])
    assert.deepEqual(stage.downloads('bob', 3), [])
    assert.deepEqual(stage.gets('ann', 0, 'cdn'), [takes('bob', 0, 'ann')])
  })

  it('is not asked for a piece that only a busy peer holds', () => {
    stage.has('cdn', [0])
    stage.has('ann', [0])
    stage.downloads('bob', 1)
    assert.deepEqual(stage.downloads('cat', 1), [])
  })

  it('gives pieces that come one at a time to different children', () => {
    for (const child of ['ann', 'bob', 'cat']) stage.downloads(child, 3)
    const takers = [0, 1, 2].flatMap((piece) => stage.has('cdn', [piece])).map((line) => line.split(' ')[0])
    assert.deepEqual(takers.toSorted(), ['ann', 'bob', 'cat'])
  })

  it('gives a piece again when the child that was getting it fails, or leaves', () => {
    stage.has('cdn', [0])
    stage.downloads('ann', 1)
    stage.downloads('bob', 1)
    assert.deepEqual(stage.fails('ann', 0, 'cdn', 'cancelled'), [takes('bob', 0, 'cdn')])
    stage.downloads('cat', 1)
    assert.deepEqual(stage.leaves('bob'), [takes('cat', 0, 'cdn')])
  })

  it('gives a piece whose only holder is blocked for this child, and to this child only', () => {
    stage.has('cdn', [0])
    stage.has('bob', [0])
    stage.downloads('ann', 2)
    assert.deepEqual(stage.fails('ann', 0, 'bob', 'corrupt'), [takes('ann', 0, 'cdn')])
    assert.deepEqual(stage.downloads('cat', 1), [takes('cat', 0, 'bob')])
  })

  it('gives a piece whose only holder can serve nobody', () => {
    stage.has('cdn', [0])
    stage.changes('bob', { slots: 0 })
    stage.has('bob', [0])
    assert.deepEqual(stage.downloads('ann', 1), [takes('ann', 0, 'cdn')])
  })

  it('gives a piece again when the child that is getting it takes far too long', () => {
    stage.has('cdn', [0])
    stage.downloads('ann', 1)
    stage.downloads('bob', 1)
    assert.equal(stage.scheduler.nextTick(), 10_000)
    assert.deepEqual(stage.passes(10_000), [takes('bob', 0, 'cdn')])
    assert.equal(stage.gets('bob', 0, 'cdn').length, 0)
    assert.deepEqual(stage.gets('ann', 0, 'cdn'), [])
    assert.equal(stage.scheduler.stats().inFlight, 0)
  })

  it('reveals pieces while their number is unknown', () => {
    stage = new Stage()
    stage.registers(undefined)
    stage.joins('cdn', { isCdn: true })
    for (const peer of ['ann', 'bob']) stage.joins(peer)
    assert.deepEqual(stage.downloads('ann', 3), [])
    assert.deepEqual(stage.has('bob', [900]), [], 'a peer reveals nothing')
    assert.deepEqual(stage.has('cdn', [0]), [takes('ann', 0, 'cdn')])
    assert.deepEqual(stage.has('cdn', [1]), [takes('ann', 1, 'cdn')])
    stage.registers(2)
    assert.deepEqual(stage.has('cdn', [2]), [])
  })

  it('loses the pieces past the end when the number turns out smaller', () => {
    stage = new Stage()
    stage.registers(undefined)
    stage.joins('cdn', { isCdn: true })
    stage.joins('ann')
    stage.has('cdn', [0, 1])
    stage.downloads('ann', 2)
    assert.deepEqual(stage.registers(1), ['ann cancels 1 from cdn'])
    stage.gets('ann', 0, 'cdn')
    assert.deepEqual(stage.scheduler.stats(), { peers: 2, tasks: 1, inFlight: 0, waiting: 0 })
  })
})
