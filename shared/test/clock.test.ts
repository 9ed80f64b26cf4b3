import assert from 'node:assert/strict'
import { pause, systemClock, VirtualClock } from '@damselfly/shared'

describe('systemClock', () => {
  it('never steps back and agrees with Date on the wall time', () => {
    const before = systemClock.now()
    assert.ok(systemClock.now() >= before)
    assert.ok(Math.abs(systemClock.wallTime() - Date.now()) < 1000)
  })

  it('calls back once, and not when cancelled', async () => {
    let cancelled = true
    const cancel = systemClock.after(1, () => (cancelled = false))
    cancel()
    // Its own timers keep no process alive, so something else must.
    const alive = setInterval(() => undefined, 1000)
    await new Promise<void>((resolve) => systemClock.after(5, resolve))
    clearInterval(alive)
    assert.ok(cancelled)
  })
})

describe('pause', () => {
  it('ends after its time', async () => {
    const clock = new VirtualClock()
    const paused = pause(clock, 100)
    clock.advance(99)
    assert.equal(clock.pending, 1)
    clock.advance(1)
    await paused
  })

  it('ends at once when aborted, before or meanwhile, and leaves no timer', async () => {
    const clock = new VirtualClock()
    await pause(clock, 100, AbortSignal.abort())
    const stop = new AbortController()
    const paused = pause(clock, 100, stop.signal)
    stop.abort()
    await paused
    assert.equal(clock.pending, 0)
  })
})
