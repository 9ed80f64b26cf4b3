import assert from 'node:assert/strict'
import { pause, RateLimiter, systemClock, VirtualClock } from '@damselfly/shared'
import type { Channel } from '../../src/channel/channel.ts'
import { createPlainTransport } from '../../src/channel/plain-transport.ts'
import type { Transport } from '../../src/channel/transport.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import type { Lane } from '../../src/lane/lane.ts'
import { LaneHarness, TASK, never, type Connect } from './lane-harness.ts'
import { RateMeter, type Extremes } from './rate-meter.ts'

const MB = 1e6

/** The pipes fill at first, beyond what a reader has asked for; milliseconds. */
const SETTLING_MS = 500
const MEASURED_MS = 3500

/** With all of them this takes minutes: `DAMSELFLY_TEST_SLOW=1`. */
const isSlow = process.env['DAMSELFLY_TEST_SLOW'] !== undefined
const RATES = isSlow ? [1, 4, 16, 64] : [1, 16]
const PEERS = isSlow ? [1, 8, 70] : [1, 70]

describe('limits of rate over real sockets', function () {
  this.timeout(120_000)
  let transports: Transport[]

  beforeEach(() => {
    transports = []
  })

  afterEach(async () => {
    await Promise.all(transports.map((transport) => transport.stop()))
  })

  const connect: Connect = async (child, parent) => {
    const [dialing, listening] = [child, parent].map((identity) => createPlainTransport({ identity })) as [Transport, Transport]
    transports.push(dialing, listening)
    const accepted = Promise.withResolvers<Channel>()
    const [endpoint] = await listening.listen([{ host: '127.0.0.1', port: 0 }], accepted.resolve)
    assert.ok(endpoint)
    const near = await dialing.dial({ endpoint, peer: parent.peerId }, '/damselfly/piece/1', never)
    return [near, await accepted.promise] as const
  }

  /** Asks for pieces again and again, two at a time, until stopped. */
  async function keepAsking(lanes: readonly Lane[], harness: LaneHarness, meter: RateMeter, stop: AbortSignal): Promise<void> {
    const ask = async (lane: Lane): Promise<void> => {
      while (!stop.aborted) {
        await lane.request(TASK, harness.piece(0), (bytes) => meter.count(bytes.length), stop).catch(() => undefined)
      }
    }
    await Promise.all(lanes.flatMap((lane) => [ask(lane), ask(lane)]))
  }

  /** Everything has ended when it returns, whatever is found then. */
  async function measure(lanes: readonly Lane[], harness: LaneHarness): Promise<Extremes> {
    const meter = new RateMeter()
    const stop = new AbortController()
    const asking = keepAsking(lanes, harness, meter, stop.signal)
    await pause(systemClock, SETTLING_MS + MEASURED_MS)
    const extremes = meter.stop(SETTLING_MS)
    stop.abort(new Error('enough'))
    await asking
    await Promise.all(lanes.map((lane) => lane.close()))
    return extremes
  }

  function judge({ least, most, undisturbed }: Extremes, rate: number): void {
    assert.ok(most <= 1.05 * rate, `a window with ${most / MB} MB/s`)
    if (undisturbed > 0) assert.ok(least >= 0.95 * rate, `a window with ${least / MB} MB/s`)
  }

  for (const rate of RATES.map((mega) => mega * MB)) {
    for (const peers of PEERS) {
      it(`hold ${rate / MB} MB/s of uploads to ${peers} children in any window of 2 s`, async () => {
        const harness = new LaneHarness(connect, { uploadLimiter: new RateLimiter(rate, systemClock) })
        const lanes = await Promise.all(Array.from({ length: peers }, () => harness.laneWithTicket(createIdentity())))
        judge(await measure(lanes, harness), rate)
      })

      it(`hold ${rate / MB} MB/s of downloads from ${peers} parents in any window of 2 s`, async () => {
        const harness = new LaneHarness(connect)
        const limiter = new RateLimiter(rate, systemClock)
        const lanes = await Promise.all(Array.from({ length: peers }, () => harness.laneWithTicket(createIdentity(), limiter)))
        judge(await measure(lanes, harness), rate)
      })
    }
  }

  it('hold for one task and one child, while others use the rest', async () => {
    const harness = new LaneHarness(connect, { uploadLimiter: new RateLimiter({ host: 12 * MB, perTask: 0, perPeer: 3 * MB }, systemClock) })
    const lanes = await Promise.all([1, 2, 3].map(() => harness.laneWithTicket(createIdentity())))
    judge(await measure(lanes, harness), 9 * MB)
  })

  it('cost no turn and no timer where there is none', async () => {
    const clock = new VirtualClock(Date.now())
    const limiter = new RateLimiter(0, clock)
    const harness = new LaneHarness(connect, { uploadLimiter: limiter })
    const lane = await harness.laneWithTicket(harness.child, limiter)
    let received = 0
    await lane.request(TASK, harness.piece(0), (bytes) => void (received += bytes.length), never)
    assert.equal(received, harness.piece(0).length)
    assert.deepEqual([limiter.remembered, clock.pending, lane.heldBackMs], [0, 0, 0])
    await lane.close()
  })
})
