import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { IdleTimer } from '../../src/http/idle-timer.ts'

describe('the idle timer', () => {
  let clock: VirtualClock
  let timer: IdleTimer
  let fired: number
  beforeEach(() => {
    clock = new VirtualClock()
    fired = 0
    timer = new IdleTimer(clock, 100, () => fired++)
  })

  it('tells once, so long after the last touch', () => {
    timer.touch()
    clock.advance(60)
    timer.touch()
    clock.advance(99)
    assert.equal(fired, 0)
    clock.advance(1)
    assert.equal(fired, 1)
    clock.advance(1000)
    assert.equal(fired, 1)
  })

  it('does not run before the first touch, nor while it rests', () => {
    clock.advance(1000)
    timer.touch()
    clock.advance(50)
    timer.rest()
    clock.advance(1000)
    assert.equal(fired, 0)
    timer.touch()
    clock.advance(99)
    assert.equal(fired, 0)
    clock.advance(1)
    assert.equal(fired, 1)
  })

  it('sets one timer for any number of touches, and leaves none behind', () => {
    for (let i = 0; i < 1000; i++) timer.touch()
    assert.equal(clock.pending, 1)
    timer.stop()
    assert.equal(clock.pending, 0)
  })
})
