import assert from 'node:assert/strict'
import { Stage, takes } from './stage.ts'

describe('between two locations', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage()
    stage.registers(2)
    stage.joins('nora', { at: 'north//', slots: 8 })
    stage.joins('nick', { at: 'north//', slots: 8 })
    for (const peer of ['sue', 'sam', 'sid']) stage.joins(peer, { at: 'south//', slots: 1 })
  })

  it('a piece crosses once, and is passed on from there', () => {
    stage.registers(1)
    stage.has('nora', [0])
    assert.deepEqual(stage.downloads('sue', 2), [takes('sue', 0, 'nora')])
    assert.deepEqual(stage.downloads('sam', 2), [])
    assert.deepEqual(stage.has('nick', [0]), [], 'however many there are who could send it')
    assert.deepEqual(stage.gets('sue', 0, 'nora'), [takes('sam', 0, 'sue')])
    assert.deepEqual(stage.downloads('sid', 2), [], 'a busy copy is waited for')
  })

  it('a piece crosses again when the first that was to get it fails, leaves or loses it', () => {
    stage.has('nora', [0])
    stage.downloads('sue', 1)
    stage.downloads('sam', 1)
    stage.downloads('sid', 1)
    assert.deepEqual(stage.fails('sue', 0, 'nora', 'cancelled').length, 1)
    assert.deepEqual(stage.leaves('sam'), [takes('sid', 0, 'nora')])
    stage.gets('sid', 0, 'nora')
    assert.deepEqual(stage.wants('sue', 1), [takes('sue', 0, 'sid')])
    assert.deepEqual(stage.leaves('sid'), [])
    stage.fails('sue', 0, 'sid', 'cancelled')
    assert.deepEqual(stage.wants('sue', 1), [takes('sue', 0, 'nora')])
  })

  it('a child that cannot pass pieces on keeps nobody waiting', () => {
    stage.has('nora', [0])
    stage.changes('sue', { at: 'south//', slots: 0 })
    stage.downloads('sue', 1)
    assert.deepEqual(stage.downloads('sam', 1), [takes('sam', 0, 'nora')])
  })

  it('nobody idles for long because a near copy is with somebody who is busy', () => {
    stage.has('nora', [0])
    stage.has('sue', [0])
    stage.downloads('sam', 1)
    assert.deepEqual(stage.downloads('sid', 1), [])
    stage.passes(9_999)
    assert.equal(stage.scheduler.nextTick(), 10_000)
    assert.deepEqual(stage.passes(1), [takes('sid', 0, 'nora')])
  })

  it('the CDN gives to those beside it first', () => {
    stage.joins('cdn', { at: 'north//', isCdn: true, slots: 1 })
    stage.downloads('sue', 2)
    stage.downloads('nick', 2)
    assert.deepEqual(stage.has('cdn', [0]), [takes('nick', 0, 'cdn')])
  })

  it('few pieces cross at once, and each that has come lets another follow', () => {
    stage.registers(50)
    stage.changes('nora', { at: 'north//', slots: 50 })
    stage.has('nora', Array.from({ length: 50 }, (_, piece) => piece))
    const begun = stage.downloads('sue', 50)
    assert.equal(begun.length, 8)
    const piece = Number(begun[0]?.split(' ')[2])
    assert.equal(stage.gets('sue', piece, 'nora').length, 1)
  })

  it('peers whose location is unknown are served like any', () => {
    for (const peer of ['ann', 'bob']) stage.joins(peer)
    stage.has('nora', [0])
    assert.deepEqual(stage.downloads('ann', 1), [takes('ann', 0, 'nora')])
    assert.deepEqual(stage.downloads('bob', 1), [takes('bob', 0, 'nora')])
  })
})
