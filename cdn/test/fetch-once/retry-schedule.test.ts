import assert from 'node:assert/strict'
import { DamselflyError, VirtualClock } from '@damselfly/shared'
import { DEFAULT_CDN_LIMITS, OriginStatus } from '../../src/index.ts'
import { RetrySchedule } from '../../src/fetch-once/retry-schedule.ts'

const LIMITS = { ...DEFAULT_CDN_LIMITS, backoffMs: 100, maxBackoffMs: 1000, fetchTries: 6, startTries: 3 }
const BROKEN = new DamselflyError('ORIGIN_SHORT', 'broken off')
const MIB = 1024 * 1024

describe('the retry schedule', () => {
  let clock: VirtualClock
  beforeEach(() => void (clock = new VirtualClock()))

  const schedule = (random: number, signal: AbortSignal = new AbortController().signal): RetrySchedule =>
    new RetrySchedule({ clock, limits: LIMITS, random: () => random, signal })

  /** Milliseconds until the next try; undefined when there is none. */
  async function delayOf(retries: RetrySchedule, error: Error = BROKEN, position = 0, hasAnswered = true): Promise<number | undefined> {
    const start = clock.now()
    const progress = { isOver: false }
    const next = retries.next(error, position, hasAnswered).finally(() => (progress.isOver = true))
    next.catch(() => undefined)
    while (!progress.isOver) {
      await new Promise(setImmediate)
      if (!progress.isOver) clock.advance(1)
    }
    return next.then(() => clock.now() - start, () => undefined)
  }

  it('waits twice as long each time, up to a bound, and gives up in the end', async () => {
    const retries = schedule(1)
    const delays: (number | undefined)[] = []
    for (let i = 0; i < 6; i++) delays.push(await delayOf(retries))
    assert.deepEqual(delays, [100, 200, 400, 800, 1000, undefined])
  })

  it('spreads the waiting by up to a half', async () => assert.equal(await delayOf(schedule(0)), 50))

  it('begins anew when the content has come on', async () => {
    const retries = schedule(1)
    assert.equal(await delayOf(retries, BROKEN, 0), 100)
    assert.equal(await delayOf(retries, BROKEN, MIB - 1), 200)
    assert.equal(await delayOf(retries, BROKEN, 2 * MIB), 100)
    assert.equal(await delayOf(retries, BROKEN, MIB), 200)
  })

  it('gives up sooner while the origin has not answered at all', async () => {
    const retries = schedule(1)
    const delays = [await delayOf(retries, BROKEN, 0, false), await delayOf(retries, BROKEN, 0, false), await delayOf(retries, BROKEN, 0, false)]
    assert.deepEqual(delays, [100, 200, undefined])
  })

  it('waits as long as the origin asks, within reason', async () => {
    const busy = (ms: number): Error => new DamselflyError('ORIGIN_STATUS', 'busy', { cause: new OriginStatus(503, ms) })
    assert.equal(await delayOf(schedule(1), busy(700)), 700)
    assert.equal(await delayOf(schedule(1), busy(5)), 100)
    assert.equal(await delayOf(schedule(1), busy(3_600_000)), LIMITS.maxRetryAfterMs)
  })

  it('does not try again what will not pass', async () => {
    const gone = new DamselflyError('ORIGIN_STATUS', 'teapot', { cause: new OriginStatus(418, undefined) })
    for (const error of [gone, new DamselflyError('ORIGIN_TLS', ''), new DamselflyError('DISK_FULL', ''), new Error('odd')]) {
      await assert.rejects(schedule(1).next(error, 0, true), error)
    }
    assert.equal(clock.pending, 0)
  })

  it('stops waiting when it is told to', async () => {
    const controller = new AbortController()
    const waiting = schedule(1, controller.signal).next(BROKEN, 0, true)
    controller.abort(new Error('stop'))
    await assert.rejects(waiting, /stop/)
    assert.equal(clock.pending, 0)
  })
})
