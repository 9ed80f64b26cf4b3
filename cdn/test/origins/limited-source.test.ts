import assert from 'node:assert/strict'
import { collect, VirtualClock, type DamselflyError } from '@damselfly/shared'
import { describeSourceClient } from '@damselfly/cdn/testing/source-client'
import { createHttpSource, limitOrigins, OriginStatus, type LimitedSource, type OriginLimits, type OriginRequest } from '../../src/index.ts'
import { createFaultOrigin, type FaultOrigin } from '../../src/testing/index.ts'

describeSourceClient('a source client with limits', async () => {
  const origin = await createFaultOrigin()
  const http = createHttpSource({ policy: { allow: [origin.authority] } })
  const client = limitOrigins({ source: http, limits: { rate: 1e9 }, clock: new VirtualClock() })
  const dispose = async (): Promise<void> => {
    await client.close()
    await origin.close()
  }
  return { client, origin, dispose }
})

describe('limits towards origins', () => {
  let origin: FaultOrigin
  let other: FaultOrigin
  let clock: VirtualClock
  let source: LimitedSource
  beforeEach(async () => {
    clock = new VirtualClock()
    origin = await createFaultOrigin()
    other = await createFaultOrigin()
    source = limited({})
  })
  afterEach(async () => {
    await source.close()
    await Promise.all([origin.close(), other.close()])
  })

  function limited(limits: Partial<OriginLimits>): LimitedSource {
    return limitOrigins({ source: createHttpSource({ policy: { allow: ['127.0.0.1'] } }), limits, clock })
  }

  const request = (url: string): OriginRequest => ({ url, headers: new Map(), signal: new AbortController().signal })
  const read = async (url: string): Promise<number> => (await collect((await source.read(request(url))).body)).length
  const busy = (error: DamselflyError): boolean => error.code === 'ORIGIN_STATUS' && error.cause instanceof OriginStatus

  it('let so many read at once from one origin', async () => {
    await source.close()
    source = limited({ connectionsPerOrigin: 2 })
    const url = origin.add('/f', { size: 2_000_000, pauseAfter: 10 })
    const reading = Array.from({ length: 5 }, () => read(url))
    await origin.when('/f', ({ open }) => open === 2)
    assert.equal(source.traffic().waiting, 3)
    origin.resume('/f')
    await Promise.all(reading)
    assert.equal(origin.stats('/f').gets, 5)
  })

  it('keep slow origins from holding up others, and downloads from holding up questions', async () => {
    await source.close()
    source = limited({ connections: 4, connectionsPerOrigin: 4 })
    const slow = origin.add('/slow', { size: 2_000_000, pauseAfter: 10 })
    const reading = Array.from({ length: 9 }, () => read(slow))
    await origin.when('/slow', ({ open }) => open === 2)
    assert.equal(await read(other.add('/f', { size: 5 })), 5)
    await source.probe(request(slow))
    origin.resume('/slow')
    await Promise.all(reading)
  })

  it('give turns back, however a reading ends', async () => {
    await source.close()
    source = limited({ connections: 1, connectionsPerOrigin: 1 })
    const url = origin.add('/f', { size: 100, cut: { after: 10 } })
    await assert.rejects(read(url), { code: 'ORIGIN_SHORT' })
    ;(await source.read(request(url))).body.cancel()
    await assert.rejects(read(origin.add('/none', { status: 404 })), { code: 'ORIGIN_NOT_FOUND' })
    const { body } = await source.read(request(url))
    await assert.rejects(body.pipe(() => Promise.reject(new Error('full'))), /full/)
    assert.equal(await read(url), 100)
  })

  for (const [how, retryAfter] of [['seconds', '20'], ['a date', undefined]] as const) {
    it(`leave an origin alone, for all tasks, as long as it asks by ${how}`, async () => {
      const after = retryAfter ?? new Date(Date.now() + 21_000).toUTCString()
      const url = origin.add('/busy', { failFirst: { times: 1, status: 429, retryAfter: after }, size: 5 })
      const another = origin.add('/f', { size: 7 })
      await assert.rejects(read(url), busy)
      for (const at of [0, 15_000]) {
        clock.advance(at)
        await assert.rejects(read(another), busy)
        await assert.rejects(source.probe(request(url)), busy)
      }
      assert.equal(origin.stats('/f').gets, 0)
      assert.equal(await read(other.add('/f', { size: 3 })), 3)
      clock.advance(6_100)
      assert.equal(await read(another), 7)
      assert.deepEqual(source.traffic(), { requests: 3, refused: 4, pauses: 1, waiting: 0 })
    })
  }

  it('leave it alone longer each time where it does not say how long, and no longer when it has served again', async () => {
    const url = origin.add('/f', { failFirst: { times: 3, status: 503 }, size: 5 })
    for (const pause of [1_000, 2_000, 4_000]) {
      await assert.rejects(read(url), busy)
      clock.advance(pause - 1)
      await assert.rejects(read(url), /left alone for another 1 s/)
      clock.advance(1)
    }
    assert.equal(await read(url), 5)
    origin.add('/g', { failFirst: { times: 1, status: 503 }, size: 5 })
    await assert.rejects(read(origin.url('/g')), busy)
    clock.advance(1_000)
    assert.equal(await read(url), 5)
  })

  it('believe no origin that asks for hours', async () => {
    const url = origin.add('/f', { failFirst: { times: 1, status: 503, retryAfter: '86400' }, size: 5 })
    await assert.rejects(read(url), busy)
    clock.advance(600_000)
    assert.equal(await read(url), 5)
  })

  it('count requests that were under way together once', async () => {
    const url = origin.add('/f', { status: 503 })
    await Promise.allSettled([read(url), read(url), read(url)])
    clock.advance(1_000)
    origin.add('/f', { size: 5 })
    assert.equal(await read(url), 5)
  })

  for (const limits of [{ rate: 100_000 }, { ratePerOrigin: 100_000 }]) {
    it(`keep to ${JSON.stringify(limits)} bytes per second`, async () => {
      await source.close()
      source = limited(limits)
      const progress = { isOver: false }
      const reading = read(origin.add('/f', { size: 1_000_000 })).finally(() => (progress.isOver = true))
      const since = clock.now()
      while (!progress.isOver) {
        await new Promise(setImmediate)
        clock.advance(10)
      }
      assert.equal(await reading, 1_000_000)
      assert.ok(clock.now() - since > 8_000, `took ${clock.now() - since} ms`)
    })
  }
})
