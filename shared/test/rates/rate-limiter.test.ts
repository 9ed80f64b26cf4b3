import assert from 'node:assert/strict'
import { setImmediate as settle } from 'node:timers/promises'
import { RateLimiter, VirtualClock, type Clock, type RateFlow, type RateUse } from '@damselfly/shared'
import fc from 'fast-check'

const KIB = 1024
const MIB = 1024 * KIB

/** Any of these must keep to the limit; milliseconds. */
const WINDOW_MS = 2000

/** Timers that fire only at multiples of `gridMs`, as those of a busy process do. */
function onGrid(clock: VirtualClock, gridMs: number): Clock {
  return {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    after: (delayMs, callback) => clock.after(Math.ceil((clock.now() + delayMs) / gridMs) * gridMs - clock.now(), callback),
  }
}

interface Taker {
  readonly taken: () => number
}

/** Lets takers draw, and keeps a record of what they got together at each step. */
class Run {
  readonly clock: VirtualClock
  readonly limiter: RateLimiter
  readonly #stop = new AbortController()
  readonly #loops: Promise<void>[] = []
  readonly #takers: Taker[] = []
  readonly totals: number[] = [0]

  constructor(clock: VirtualClock, limiter: RateLimiter) {
    this.clock = clock
    this.limiter = limiter
  }

  static withRate(rate: number): Run {
    const clock = new VirtualClock()
    return new Run(clock, new RateLimiter(rate, clock))
  }

  /** @param demand bytes per second; Infinity: as fast as it may. */
  start(use: RateUse, demand = Number.POSITIVE_INFINITY): Taker {
    let taken = 0
    const flow = this.limiter.flow(use)
    const loop = async (): Promise<void> => {
      const since = this.clock.now()
      while (!this.#stop.signal.aborted) {
        const { portion } = flow
        if (demand !== Number.POSITIVE_INFINITY) {
          const due = since + ((taken + portion) / demand) * 1000
          await new Promise<void>((resolve) => void this.clock.after(Math.max(0, due - this.clock.now()), resolve))
        }
        await flow.take(portion, this.#stop.signal).catch(() => undefined)
        if (!this.#stop.signal.aborted) taken += portion
      }
    }
    this.#loops.push(loop())
    const taker = { taken: () => taken }
    this.#takers.push(taker)
    return taker
  }

  get total(): number {
    return this.#takers.reduce((sum, taker) => sum + taker.taken(), 0)
  }

  async pass(ms: number, stepMs = 5): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(Math.min(stepMs, ms - passed))
      await settle()
      this.totals.push(this.total)
    }
  }

  /** How much the takers get from now on; bytes per second. */
  async rates(ms: number, ...takers: Taker[]): Promise<number[]> {
    const before = takers.map(({ taken }) => taken())
    await this.pass(ms)
    return takers.map(({ taken }, index) => ((taken() - (before[index] ?? 0)) / ms) * 1000)
  }

  async end(): Promise<void> {
    this.#stop.abort()
    while (this.clock.pending > 0) this.clock.advance(1000)
    await Promise.all(this.#loops)
  }
}

/** The least and the most that any window brought, as parts of the rate. */
function extremes(totals: readonly number[], rate: number, stepMs: number): readonly [least: number, most: number] {
  const steps = WINDOW_MS / stepMs
  const shares = totals.slice(steps).map((total, index) => (total - (totals[index] ?? 0)) / ((rate * WINDOW_MS) / 1000))
  return [Math.min(...shares), Math.max(...shares)]
}

function assertNear(actual: number | undefined, expected: number, tolerance = 0.05): void {
  const share = (actual ?? 0) / expected
  assert.ok(Math.abs(share - 1) <= tolerance, `${actual} is ${share} of ${expected}`)
}

async function assertPending(promise: Promise<unknown>): Promise<void> {
  await settle()
  assert.equal(await Promise.race([promise.then(() => 'passed'), settle('pending')]), 'pending')
}

const use = (change: Partial<RateUse> = {}): RateUse => ({ task: 'task', peer: 'peer', ...change })
const flowOf = (limiter: RateLimiter, change: Partial<RateUse> = {}): RateFlow => limiter.flow(use(change))

describe('a rate limiter', () => {
  for (const rate of [100 * KIB, 1 * MIB, 10 * MIB, 100 * MIB]) {
    for (const peers of [1, 8, 70]) {
      it(`holds ${rate / KIB} KiB/s within 5% in any window of 2 s, with ${peers} peers`, async () => {
        const run = Run.withRate(rate)
        for (let peer = 0; peer < peers; peer++) run.start(use({ peer: `${peer}` }))
        await run.pass(5000)
        await run.end()
        const [least, most] = extremes(run.totals, rate, 5)
        assert.ok(least >= 0.95 && most <= 1.05, `${least} to ${most} of the rate`)
      })
    }
  }

  it('keeps its rate when timers come late', async () => {
    const clock = new VirtualClock()
    const run = new Run(clock, new RateLimiter(10 * MIB, onGrid(clock, 40)))
    run.start(use({ peer: 'a' }))
    run.start(use({ peer: 'b' }))
    await run.pass(5000)
    await run.end()
    const [least, most] = extremes(run.totals, 10 * MIB, 5)
    assert.ok(least >= 0.95 && most <= 1.05, `${least} to ${most} of the rate`)
  })

  it('loses no rate when the process does not get the processor now and then, and does not exceed it then', async () => {
    const clock = new VirtualClock()
    const run = new Run(clock, new RateLimiter(10 * MIB, onGrid(clock, 300)))
    run.start(use({ peer: 'a' }))
    run.start(use({ peer: 'b' }))
    await run.pass(10_000)
    await run.end()
    const [least, most] = extremes(run.totals.slice(200), 10 * MIB, 5)
    assert.ok(least >= 0.83 && most <= 1.05, `${least} to ${most} of the rate`)
    assert.ok(run.total >= 0.96 * 100 * MIB, `${run.total / MIB} MiB in 10 s`)
  })

  it('holds in any window of 2 s whenever timers come and demand begins', async () => {
    const stalls = fc.array(fc.record({ idleMs: fc.nat(1500), stallMs: fc.nat(800) }), { minLength: 3, maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(200 * KIB, 1 * MIB, 20 * MIB), fc.constantFrom(1, 5), stalls, async (rate, peers, steps) => {
        const clock = new VirtualClock()
        let blockedUntil = 0
        const stalled: Clock = {
          now: () => clock.now(),
          wallTime: () => clock.wallTime(),
          after: (delayMs, callback) => clock.after(Math.max(delayMs, blockedUntil - clock.now()), callback),
        }
        const run = new Run(clock, new RateLimiter(rate, stalled))
        for (let peer = 0; peer < peers; peer++) run.start(use({ peer: `${peer}` }))
        for (const { idleMs, stallMs } of steps) {
          blockedUntil = clock.now() + stallMs
          await run.pass(stallMs + idleMs)
        }
        await run.end()
        const [, most] = extremes(run.totals, rate, 5)
        assert.ok(most <= 1.05 + 4096 / (2 * rate), `${most} of the rate`)
      }),
      { numRuns: 15 },
    )
  })

  it('never lets more pass in any time than the rate, the burst and a portion', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 100 * KIB, max: 100 * MIB }),
        fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 512 * KIB }), waitMs: fc.nat(500), peer: fc.constantFrom('a', 'b', 'c') }), {
          maxLength: 20,
        }),
        async (rate, steps) => {
          const clock = new VirtualClock()
          const limiter = new RateLimiter(rate, clock)
          const flow = flowOf(limiter)
          const pending: Promise<void>[] = []
          for (const { bytes, waitMs, peer } of steps) {
            pending.push(flowOf(limiter, { peer }).take(bytes))
            clock.advance(waitMs)
            await settle()
          }
          const all = Promise.all(pending).then(() => true)
          while (!(await Promise.race([all, settle(false)]))) clock.advance(100)
          const total = steps.reduce((sum, { bytes }) => sum + bytes, 0)
          const least = ((total - rate * 0.4 - flow.portion) / rate) * 1000
          assert.ok(clock.now() >= least, `${total} bytes in ${clock.now()} ms`)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('leaves nobody more than a fair share, whoever wants less leaves the rest to the others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.double({ min: 0.02, max: 1.2, noNaN: true }), { minLength: 2, maxLength: 6 }), async (wishes) => {
        const rate = 4 * MIB
        const run = Run.withRate(rate)
        const takers = wishes.map((wish, index) => run.start(use({ task: `${index}` }), wish * rate))
        await run.pass(1000)
        const got = await run.rates(6000, ...takers)
        await run.end()
        const fair = maxMinFair(wishes.map((wish) => wish * rate), rate)
        for (const [index, share] of fair.entries()) {
          assert.ok(Math.abs((got[index] ?? 0) - share) < 0.05 * rate, `${got.join()} instead of ${fair.join()}`)
        }
      }),
      { numRuns: 15 },
    )
  })

  it('shares among tasks first, then among the peers of a task', async () => {
    const run = Run.withRate(4 * MIB)
    const crowd = Array.from({ length: 9 }, (_, peer) => run.start(use({ task: 'popular', peer: `${peer}` })))
    const lone = run.start(use({ task: 'rare' }))
    await run.pass(500)
    const [rare = 0, ...popular] = await run.rates(5000, lone, ...crowd)
    await run.end()
    assertNear(rare, 2 * MIB)
    for (const peer of popular) assertNear(peer, (2 * MIB) / 9, 0.1)
  })

  it('lets background have only what foreground leaves, and always a little', async () => {
    const run = Run.withRate(10 * MIB)
    const background = run.start(use({ task: 'preheat', priority: 'background' }))
    assertNear((await run.rates(3000, background))[0], 10 * MIB)
    const foreground = run.start(use({ task: 'wanted' }))
    const [behind = 0, before = 0] = await run.rates(5000, background, foreground)
    await run.end()
    assert.ok(behind > 0.02 * 10 * MIB && behind < 0.06 * 10 * MIB, `${behind} bytes per second`)
    assertNear(behind + before, 10 * MIB)
  })

  it('keeps each task and each peer to its own limit, and gives the others what they leave', async () => {
    const clock = new VirtualClock()
    const run = new Run(clock, new RateLimiter({ host: 10 * MIB, perTask: 4 * MIB, perPeer: 1 * MIB }, clock))
    const onePeer = run.start(use({ task: 'a', peer: 'x' }))
    const samePeer = run.start(use({ task: 'b', peer: 'x' }))
    const crowd = Array.from({ length: 6 }, (_, peer) => run.start(use({ task: 'c', peer: `${peer}` })))
    run.limiter.limitTask('d', 2 * MIB)
    const limited = Array.from({ length: 4 }, (_, peer) => run.start(use({ task: 'd', peer: `d${peer}` })))
    await run.pass(1000)
    const got = await run.rates(5000, onePeer, samePeer, ...crowd, ...limited)
    await run.end()
    const sum = (from: number, to?: number): number => got.slice(from, to).reduce((total, rate) => total + rate, 0)
    assertNear(sum(0, 2), 1 * MIB)
    assertNear(sum(2, 8), 4 * MIB)
    assertNear(sum(8), 2 * MIB)
  })

  it('limits one task alone where nothing else is limited', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(0, clock)
    assert.ok(flowOf(limiter).unlimited)
    limiter.limitTask('slow', 1 * MIB)
    assert.ok(flowOf(limiter).unlimited)
    assert.ok(!flowOf(limiter, { task: 'slow' }).unlimited)
    assert.deepEqual([limiter.hasOwnLimit('slow'), limiter.hasOwnLimit('task')], [true, false])
    const run = new Run(clock, limiter)
    const slow = run.start(use({ task: 'slow' }))
    await run.pass(500)
    assertNear((await run.rates(4000, slow))[0], 1 * MIB)
    await run.end()
    limiter.limitTask('slow', undefined)
    assert.ok(flowOf(limiter, { task: 'slow' }).unlimited)
  })

  it('lets one task have no limit though others have one', () => {
    const limiter = new RateLimiter({ host: 0, perTask: 1, perPeer: 0 }, new VirtualClock())
    limiter.limitTask('free', 0)
    assert.deepEqual([flowOf(limiter, { task: 'free' }).unlimited, flowOf(limiter).unlimited], [true, false])
    assert.deepEqual([...limiter.taskLimits], [['free', 0]])
  })

  it('has saved up nothing for one that could not be served for a while', async () => {
    const run = Run.withRate(4 * MIB)
    run.limiter.limitTask('throttled', 64 * KIB)
    const throttled = run.start(use({ task: 'throttled' }))
    const other = run.start(use({ task: 'other' }))
    await run.pass(5000)
    run.limiter.limitTask('throttled', undefined)
    const got = await run.rates(1000, throttled, other)
    await run.end()
    for (const rate of got) assertNear(rate, 2 * MIB, 0.1)
  })

  it('takes up a new rate within a moment, up and down', async () => {
    const run = Run.withRate(1 * MIB)
    const taker = run.start(use())
    await run.pass(1000)
    for (const rate of [16 * MIB, 2 * MIB, 64 * MIB]) {
      run.limiter.setLimits({ host: rate })
      assert.equal(run.limiter.limits.host, rate)
      await run.pass(200)
      assertNear((await run.rates(2000, taker))[0], rate)
    }
    await run.end()
  })

  it('lets everybody pass at once when the limit is lifted, and leaves no timer', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(1 * KIB, clock)
    const waiting = [flowOf(limiter, { peer: 'a' }).take(1 * MIB), flowOf(limiter, { peer: 'b' }).take(1 * MIB)]
    limiter.setLimits({ host: 0 })
    await Promise.all(waiting)
    assert.ok(flowOf(limiter).unlimited)
    assert.equal(clock.pending, 0)
  })

  it('does not remember a debt across a time without limit', async () => {
    const limiter = new RateLimiter(1 * KIB, new VirtualClock())
    const flow = flowOf(limiter)
    await flow.take(4 * KIB)
    limiter.setLimits({ host: Number.POSITIVE_INFINITY })
    await flow.take(100 * MIB)
    limiter.setLimits({ host: 1 * KIB })
    await flow.take(4 * KIB)
  })

  it('lets one who is aborted go at once, wherever in the queue, and charges nothing', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(100 * KIB, clock)
    const flow = flowOf(limiter)
    await flow.take(4 * KIB)
    const head = new AbortController()
    const middle = new AbortController()
    const takes = [flow.take(4 * KIB, head.signal), flow.take(4 * KIB, middle.signal)] as const
    const last = flow.take(4 * KIB)
    assert.ok(limiter.isHolding('task') && !limiter.isHolding('other'))
    middle.abort(new Error('middle'))
    head.abort(new Error('head'))
    await assert.rejects(takes[0], /head/)
    await assert.rejects(takes[1], /middle/)
    await assertPending(last)
    clock.advance(50)
    await last
    assert.ok(!limiter.isHolding('task'))
    assert.equal(clock.pending, 0)
  })

  it('refuses one who is aborted already', async () => {
    const limiter = new RateLimiter(1, new VirtualClock())
    await assert.rejects(flowOf(limiter).take(1, AbortSignal.abort(new Error('gone'))), /gone/)
  })

  it('leaves no listener on the signal of one who passed', async () => {
    const clock = new VirtualClock()
    const flow = flowOf(new RateLimiter(100 * KIB, clock))
    let listeners = 0
    const { signal } = new AbortController()
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args))
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args))
    await flow.take(4 * KIB, signal)
    const waiting = flow.take(4 * KIB, signal)
    assert.equal(listeners, 1)
    clock.advance(2000)
    await waiting
    assert.equal(listeners, 0)
  })

  it('forgets those who have gone', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter({ host: 0, perTask: 0, perPeer: 100 * KIB }, clock)
    for (let peer = 0; peer < 5000; peer++) {
      await flowOf(limiter, { peer: `${peer}` }).take(4 * KIB)
      clock.advance(50)
    }
    assert.ok(limiter.remembered < 500, `${limiter.remembered} are remembered`)
  })
})

/** What each gets when nobody can get more without taking from one who has less. */
function maxMinFair(wishes: readonly number[], capacity: number): number[] {
  const shares = wishes.map(() => 0)
  let left = capacity
  const byWish = [...wishes.entries()].toSorted(([, a], [, b]) => a - b)
  for (const [rank, [index, wish]] of byWish.entries()) {
    const share = Math.min(wish, left / (byWish.length - rank))
    shares[index] = share
    left -= share
  }
  return shares
}
