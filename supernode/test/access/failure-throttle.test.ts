import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { VirtualClock } from '@damselfly/shared'
import fc from 'fast-check'
import { FailureThrottle, TooManyFailures, type Attempt } from '../../src/access/failure-throttle.ts'
import { ApiBench } from '../api-bench.ts'

const MINUTE_MS = 60_000

describe('the throttle of failures', () => {
  let clock: VirtualClock
  let throttle: FailureThrottle
  beforeEach(() => {
    clock = new VirtualClock()
    throttle = new FailureThrottle(clock)
  })

  const attempt = (address: string, credentials: string, named?: string): Attempt => ({ address, credentials, named })

  /** Milliseconds; 0: none. */
  const waitOf = (tried: Attempt): number => {
    try {
      throttle.check(tried)
      return 0
    } catch (error) {
      assert.ok(error instanceof TooManyFailures)
      return error.retryAfterMs
    }
  }

  /** Guesses as soon as it may. @returns what each guess had to wait for, in seconds */
  const guess = (address: string, times: number, named?: string): number[] =>
    Array.from({ length: times }, (_, number) => {
      const tried = attempt(address, `guess ${number}`, named)
      const wait = waitOf(tried)
      clock.advance(wait)
      throttle.failed(tried)
      return wait / 1000
    })

  it('forgives a few, then makes each wait longer, until five minutes', () => {
    assert.deepEqual(guess('203.0.113.1', 17), [0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
  })

  it('forgets after a quarter of an hour', () => {
    guess('203.0.113.1', 9)
    clock.advance(15 * MINUTE_MS)
    assert.deepEqual(guess('203.0.113.1', 7), [0, 0, 0, 0, 0, 0, 1])
  })

  it('takes a good token at once from any other address, however often it was guessed at', () => {
    for (let host = 1; host < 200; host++) guess(`203.0.113.${host}`, 8, '0123456789ab')
    assert.equal(waitOf(attempt('198.51.100.1', 'the good one', '0123456789ab')), 0)
  })

  it('forgives nobody any more who guesses a token that many guess', () => {
    for (let host = 1; host <= 6; host++) guess(`203.0.113.${host}`, 1, '0123456789ab')
    assert.deepEqual(guess('198.51.100.1', 4, '0123456789ab'), [0, 1, 2, 4])
    assert.deepEqual(guess('198.51.100.2', 4, 'another token'), [0, 0, 0, 0])
  })

  it('counts 64 bits of IPv6 as one address, and IPv4 within IPv6 as IPv4', () => {
    for (let host = 1; host <= 6; host++) throttle.failed(attempt(`2001:db8:0:1::${host}`, `x${host}`))
    assert.ok(waitOf(attempt('2001:db8:0:1:ffff::9', 'y')) > 0)
    assert.equal(waitOf(attempt('2001:db8:0:2::1', 'y')), 0)
    guess('203.0.113.1', 6)
    assert.ok(waitOf(attempt('::ffff:203.0.113.1', 'y')) > 0)
  })

  it('shuts nobody out because a program on the same host has an old token', () => {
    for (let i = 0; i < 50; i++) {
      const old = attempt('127.0.0.1', 'expired')
      clock.advance(waitOf(old))
      throttle.failed(old)
    }
    assert.ok(waitOf(attempt('127.0.0.1', 'expired')) > 0)
    assert.equal(waitOf(attempt('127.0.0.1', 'good')), 0)
  })

  it('goes on to hear what was right from an address that guesses, until it is wrong', () => {
    const good = attempt('127.0.0.1', 'good')
    throttle.succeeded(good)
    guess('127.0.0.1', 10)
    assert.equal(waitOf(good), 0)
    assert.ok(waitOf(attempt('127.0.0.1', 'new')) > 0)
    throttle.failed(good)
    assert.ok(waitOf(good) > 0)
  })

  it('does not forgive because something right came in between', () => {
    guess('127.0.0.1', 6)
    throttle.succeeded(attempt('127.0.0.1', 'a token of the one who guesses'))
    assert.ok(waitOf(attempt('127.0.0.1', 'guess 7')) > 0)
  })

  it('remembers a bounded number, whatever comes', function () {
    this.timeout(60_000)
    const several = fc.array(fc.record({ address: fc.ipV6(), credentials: fc.string(), named: fc.option(fc.string(), { nil: undefined }), good: fc.boolean() }), { maxLength: 200 })
    fc.assert(
      fc.property(several, (attempts) => {
        for (const { good, ...tried } of attempts) {
          waitOf(tried)
          if (good) throttle.succeeded(tried)
          else throttle.failed(tried)
        }
      }),
      { numRuns: 50 },
    )
    for (let i = 0; i < 30_000; i++) {
      const tried = attempt(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, `x${i}`, `t${i}`)
      throttle.failed(tried)
      throttle.succeeded(tried)
    }
    assert.equal(throttle.size, 10_000 + 4096)
  })
})

describe('guessing at the management API', () => {
  let api: ApiBench
  before(async () => {
    api = await ApiBench.start()
  })
  after(() => api.stop())

  const from = async (localAddress: string, token: string): Promise<readonly [number | undefined, string | undefined]> => {
    const request = get(`${api.base}/api/v1/version`, { localAddress, agent: false, headers: { authorization: `Bearer ${token}` } })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return [response.statusCode, response.headers['retry-after']]
  }

  it('is answered with 429 and when to come again, while others get in', async function () {
    if (process.platform !== 'linux') this.skip()
    const good = await api.token({ role: 'viewer' })
    const guessed = (number: number): string => `${good.slice(0, 18)}${String(number).padStart(43, 'x')}`
    assert.equal((await from('127.0.0.3', good))[0], 200)
    for (let i = 0; i < 6; i++) assert.deepEqual(await from('127.0.0.3', guessed(i)), [401, undefined])
    assert.deepEqual(await from('127.0.0.3', guessed(6)), [429, '1'])
    assert.equal((await from('127.0.0.3', good))[0], 200)
    assert.equal((await from('127.0.0.4', good))[0], 200)
    api.control.clock.advance(1000)
    assert.deepEqual(await from('127.0.0.3', guessed(7)), [401, undefined])
    assert.deepEqual(await from('127.0.0.3', api.adminToken), [429, '2'])
  })
})
