import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import fc from 'fast-check'

describe('VirtualClock', () => {
  it('runs each timer at its own moment, in order, ties in the order of their making', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(20)), (delays, steps) => {
        const clock = new VirtualClock()
        const ran: { delay: number; index: number; at: number }[] = []
        for (const [index, delay] of delays.entries()) {
          clock.after(delay, () => ran.push({ delay, index, at: clock.now() }))
        }
        for (const step of steps) clock.advance(step)
        const end = steps.reduce((sum, step) => sum + step, 0)
        assert.equal(clock.now(), end)
        assert.ok(ran.every(({ delay, at }) => delay === at))
        const due = delays.map((delay, index) => ({ delay, index })).filter(({ delay }) => delay <= end)
        const expected = steps.length === 0 ? [] : due.toSorted((a, b) => a.delay - b.delay || a.index - b.index)
        assert.deepEqual(ran.map(({ index }) => index), expected.map(({ index }) => index))
        assert.equal(clock.pending, delays.length - ran.length)
      }),
    )
  })

  it('runs timers that timers make, if they are due', () => {
    const clock = new VirtualClock()
    const moments: number[] = []
    const again = (): void => {
      moments.push(clock.now())
      clock.after(10, again)
    }
    clock.after(10, again)
    clock.advance(35)
    assert.deepEqual(moments, [10, 20, 30])
  })

  it('forgets a timer that is cancelled, also by another timer of the same moment', () => {
    const clock = new VirtualClock()
    const ran: string[] = []
    clock.after(5, () => cancelSecond())
    const cancelSecond = clock.after(5, () => ran.push('second'))
    clock.after(1, () => ran.push('first'))()
    clock.advance(10)
    assert.deepEqual(ran, [])
    assert.equal(clock.pending, 0)
  })

  it('shows a wall time that begins where it is told to', () => {
    const clock = new VirtualClock(1_000_000)
    clock.advance(500)
    assert.equal(clock.wallTime(), 1_000_500)
    assert.equal(clock.now(), 500)
  })
})
