import assert from 'node:assert/strict'
import { setImmediate as settle } from 'node:timers/promises'
import { RateLimiter, VirtualClock, type Clock } from '@damselfly/shared'
import fc from 'fast-check'

const KIB = 1024
const MIB = 1024 * KIB

/** Turns the clock in small steps and lets those who may go on do so in between. */
async function advance(clock: VirtualClock, ms: number, stepMs = 5): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(Math.min(stepMs, ms - passed))
    await settle()
  }
}

/** Timers that fire only at multiples of `gridMs`, as those of a busy process do. */
function onGrid(clock: VirtualClock, gridMs: number): Pick<Clock, 'after'> {
  return {
    after: (delayMs, callback) => {
      const at = Math.ceil((clock.now() + delayMs) / gridMs) * gridMs
      return clock.after(at - clock.now(), callback)
    },
  }
}

/** Somebody who draws as fast as it may until aborted. */
function startTaker(limiter: RateLimiter, bytes: number, signal: AbortSignal): { readonly taken: () => number; readonly done: Promise<void> } {
  let taken = 0
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await limiter.take(bytes, signal).catch(() => undefined)
      if (!signal.aborted) taken += bytes
    }
  }
  return { taken: () => taken, done: run() }
}

describe('RateLimiter', () => {
  for (const { rate, request } of [
    { rate: 1 * MIB, request: 16 * KIB },
    { rate: 1 * MIB, request: 1 * MIB },
    { rate: 10 * MIB, request: 64 * KIB },
    { rate: 100 * KIB, request: 64 * KIB },
    { rate: 64 * MIB, request: 1 * MIB },
  ]) {
    it(`holds ${rate / KIB} KiB/s within 5% in each window of 20 s, with requests of ${request / KIB} KiB`, async () => {
      const clock = new VirtualClock()
      const limiter = new RateLimiter(rate, clock)
      const stop = new AbortController()
      const takers = [1, 2, 3].map(() => startTaker(limiter, request, stop.signal))
      const taken = (): number => takers.reduce((sum, taker) => sum + taker.taken(), 0)
      await advance(clock, 2000)
      for (let window = 0; window < 3; window++) {
        const before = taken()
        await advance(clock, 20_000, 20)
        const share = (taken() - before) / (rate * 20)
        assert.ok(share > 0.95 && share < 1.05, `${share} of the rate`)
      }
      stop.abort()
      await Promise.all(takers.map((taker) => taker.done))
    })
  }

  it('keeps its rate when timers come late', async () => {
    const clock = new VirtualClock()
    const late = { ...onGrid(clock, 40), now: () => clock.now(), wallTime: () => clock.wallTime() }
    const limiter = new RateLimiter(10 * MIB, late)
    const stop = new AbortController()
    const takers = [1, 2].map(() => startTaker(limiter, 1 * MIB, stop.signal))
    await advance(clock, 1000)
    const before = takers.reduce((sum, taker) => sum + taker.taken(), 0)
    await advance(clock, 20_000)
    const share = (takers.reduce((sum, taker) => sum + taker.taken(), 0) - before) / (200 * MIB)
    assert.ok(share > 0.95 && share < 1.05, `${share} of the rate`)
    stop.abort()
    await Promise.all(takers.map((taker) => taker.done))
  })

  it('never lets more pass than the rate, one burst and one request', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10 * KIB, max: 100 * MIB }),
        fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 2 * MIB }), waitMs: fc.nat(500) }), { maxLength: 40 }),
        (rate, steps) => {
          const clock = new VirtualClock()
          const limiter = new RateLimiter(rate, clock)
          const burst = Math.max(64 * KIB, rate / 10)
          const asked: number[] = []
          for (const { bytes, waitMs } of steps) {
            asked.push(bytes)
            void limiter.take(bytes)
            clock.advance(waitMs)
          }
          // Once nothing is pending all has passed: in no less time than the rate allows.
          while (clock.pending > 0) clock.advance(1000)
          const total = asked.reduce((sum, bytes) => sum + bytes, 0)
          const least = ((total - burst - Math.max(0, ...asked)) / rate) * 1000
          assert.ok(clock.now() >= least)
        },
      ),
    )
  })

  it('shares evenly among those who ask for the same', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(1 * MIB, clock)
    const stop = new AbortController()
    const takers = Array.from({ length: 8 }, () => startTaker(limiter, 32 * KIB, stop.signal))
    await advance(clock, 20_000)
    const shares = takers.map((taker) => taker.taken())
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 32 * KIB, shares.join())
    stop.abort()
    await Promise.all(takers.map((taker) => taker.done))
  })

  it('lets a large request pass among many small ones that come after it', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(1 * MIB, clock)
    await limiter.take(100 * KIB)
    const order: string[] = []
    const passed = [
      limiter.take(500 * KIB).then(() => order.push('large')),
      limiter.take(1).then(() => order.push('small')),
    ]
    await advance(clock, 1000)
    await Promise.all(passed)
    assert.deepEqual(order, ['large', 'small'])
  })

  it('lets one who is aborted go at once, wherever in the queue, and charges nothing', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(1 * MIB, clock)
    await limiter.take(10 * MIB)
    const head = new AbortController()
    const middle = new AbortController()
    const takes = [limiter.take(1 * MIB, head.signal), limiter.take(1 * MIB, middle.signal)] as const
    let passed = false
    const last = limiter.take(1).then(() => (passed = true))
    middle.abort(new Error('middle'))
    head.abort(new Error('head'))
    await assert.rejects(takes[0], /head/)
    await assert.rejects(takes[1], /middle/)
    assert.equal(passed, false)
    await advance(clock, 10_000)
    await last
    assert.equal(clock.pending, 0)
  })

  it('refuses one who is aborted already', async () => {
    const limiter = new RateLimiter(1, new VirtualClock())
    await assert.rejects(limiter.take(1, AbortSignal.abort(new Error('gone'))), /gone/)
  })

  it('leaves no listener on the signal of one who passed', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(1 * MIB, clock)
    let listeners = 0
    const { signal } = new AbortController()
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args))
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args))
    await limiter.take(1 * MIB, signal)
    const waiting = limiter.take(1 * MIB, signal)
    assert.equal(listeners, 1)
    await advance(clock, 2000)
    await waiting
    assert.equal(listeners, 0)
  })

  it('takes up a new rate at once, for those who wait too', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(1 * KIB, clock)
    await limiter.take(100 * KIB)
    let passed = false
    const waiting = limiter.take(1).then(() => (passed = true))
    await advance(clock, 1000)
    assert.equal(passed, false)
    limiter.setRate(1 * MIB)
    await advance(clock, 1000)
    await waiting
  })

  it('lets everybody pass at once when the limit is lifted', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(1 * KIB, clock)
    await limiter.take(1 * MIB)
    const waiting = [limiter.take(1 * MIB), limiter.take(1 * MIB)]
    limiter.setRate(0)
    await Promise.all(waiting)
    assert.ok(limiter.unlimited)
    assert.equal(clock.pending, 0)
  })

  it('does not remember a debt across a time without limit', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(1 * KIB, clock)
    await limiter.take(1 * MIB)
    limiter.setRate(Number.POSITIVE_INFINITY)
    await limiter.take(100 * MIB)
    limiter.setRate(1 * KIB)
    await limiter.take(1 * KIB)
  })

  it('has no limit when it is 0', async () => {
    const limiter = new RateLimiter(0, new VirtualClock())
    await limiter.take(Number.MAX_SAFE_INTEGER)
    assert.ok(limiter.unlimited)
  })
})
