import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { SupernodePatience } from '../../src/download/supernode-patience.ts'

describe('the patience with a supernode', () => {
  let clock: VirtualClock
  let patience: SupernodePatience
  let silent: number[]
  let fruitless: number[]

  beforeEach(() => {
    clock = new VirtualClock()
    silent = []
    fruitless = []
    patience = new SupernodePatience({
      clock,
      onSilent: () => silent.push(clock.now()),
      onFruitless: (idleMs) => fruitless.push(idleMs),
    })
  })

  afterEach(() => {
    patience.end()
    assert.equal(clock.pending, 0)
  })

  it('is short before the first answer, and then looks again and again', () => {
    patience.begin()
    clock.advance(10_000)
    assert.deepEqual(silent, [1500, 5500, 9500])
  })

  it('lasts as long as there are signs of life', () => {
    patience.begin()
    for (let second = 0; second < 50; second++) {
      clock.advance(1000)
      patience.signOfLife()
    }
    assert.deepEqual(silent, [])
    clock.advance(4000)
    assert.equal(silent.length, 1)
  })

  it('looks each minute into signs of life of which nothing comes', () => {
    patience.begin()
    for (let second = 0; second < 200; second++) {
      clock.advance(1000)
      patience.signOfLife()
      if (second === 30) patience.progress()
    }
    assert.deepEqual(fruitless, [60_000, 120_000])
    assert.deepEqual(silent, [])
  })

  it('expects no word before it begins and after it is told so, but still looks why nothing comes', () => {
    patience.signOfLife()
    patience.progress()
    clock.advance(59_000)
    patience.begin()
    patience.expectNothing()
    patience.signOfLife()
    clock.advance(62_000)
    assert.deepEqual(silent, [])
    assert.deepEqual(fruitless, [60_000, 120_000])
  })

  it('is not renewed by asking again', () => {
    for (let minute = 0; minute < 3; minute++) {
      patience.begin()
      clock.advance(60_000)
    }
    assert.deepEqual(fruitless, [60_000, 120_000, 180_000])
  })

  it('is over for good, even if the last piece is told of after the end', () => {
    patience.begin()
    patience.end()
    patience.progress()
    assert.equal(clock.pending, 0)
  })
})
