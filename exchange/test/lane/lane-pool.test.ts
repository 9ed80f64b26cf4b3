import assert from 'node:assert/strict'
import { isDamselflyError, RateLimiter, VirtualClock, type TaskId } from '@damselfly/shared'
import type { Channel, ChannelKind, ChannelReceiver } from '../../src/channel/channel.ts'
import { channelPair } from '../../src/channel/testing/channel-pair.ts'
import type { DialTarget, Endpoint, Transport } from '../../src/channel/transport.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import { createLanePool, type LaneParent, type LanePoolInit } from '../../src/lane/lane-pool.ts'
import { SecurityInForce } from '../../src/lane/security-in-force.ts'
import { eventually, never, TASK } from './lane-harness.ts'

interface Dial {
  readonly target: DialTarget
  readonly signal: AbortSignal
  /** @returns the parent's end. */
  readonly succeed: () => Channel
  readonly fail: (error: Error) => void
}

const deaf: ChannelReceiver = { message: () => undefined, data: () => undefined, closed: () => undefined }

/** A transport whose dials a test lets succeed or fail. */
class PlayedTransport implements Transport {
  readonly kind: ChannelKind
  readonly dials: Dial[] = []

  constructor(kind: ChannelKind) {
    this.kind = kind
  }

  dial(target: DialTarget, protocol: Channel['protocol'], signal: AbortSignal): Promise<Channel> {
    assert.equal(protocol, '/damselfly/piece/1')
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(error)
      const succeed = (): Channel => {
        const [near, far] = channelPair({ kind: this.kind })
        far.receive(deaf)
        resolve(near)
        return far
      }
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      this.dials.push({ target, signal, succeed, fail })
    })
  }

  listen(): Promise<readonly Endpoint[]> {
    return Promise.resolve([])
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }
}

const at = (kind: ChannelKind, host = '10.0.0.1'): Endpoint => ({ kind, host, port: 7000 })

function setUp(change: Partial<LanePoolInit> = {}) {
  const clock = new VirtualClock()
  const direct = new PlayedTransport('direct')
  const libp2p = new PlayedTransport('libp2p')
  const pool = createLanePool({
    transports: [direct, libp2p],
    security: new SecurityInForce({ security: 'tls' }),
    clock,
    downloadLimiter: new RateLimiter(0, clock),
    ...change,
  })
  const parent: LaneParent = {
    peer: createIdentity().peerId,
    endpoints: [at('libp2p'), at('direct')],
    security: 'tls',
  }
  return { clock, direct, libp2p, pool, parent }
}

function dialOf(transport: PlayedTransport, index = 0): Dial {
  const dial = transport.dials[index]
  assert.ok(dial, `there is no dial ${index}`)
  return dial
}

describe('a lane pool', () => {
  it('opens one lane to a parent for everybody', async () => {
    const { direct, pool, parent } = setUp()
    const wanted = [pool.lane(parent, never), pool.lane(parent, never)]
    dialOf(direct).succeed()
    const [first, second] = await Promise.all(wanted)
    assert.equal(first, second)
    assert.equal(await pool.lane(parent, never), first)
    assert.equal(direct.dials.length, 1)
    assert.deepEqual(dialOf(direct).target, { endpoint: at('direct'), peer: parent.peer })
    await pool.close()
  })

  it('has lanes of their own for different parents', async () => {
    const { direct, pool, parent } = setUp()
    const other = { ...parent, peer: createIdentity().peerId }
    const wanted = [pool.lane(parent, never), pool.lane(other, never)]
    dialOf(direct, 0).succeed()
    dialOf(direct, 1).succeed()
    const [first, second] = await Promise.all(wanted)
    assert.notEqual(first, second)
    await pool.close()
  })

  it('has a lane apart for a task that shall hold up no other', async () => {
    const { direct, pool, parent } = setUp()
    const apart = 'ab'.repeat(32) as TaskId
    const wanted = [pool.lane(parent, never), pool.lane(parent, never, apart), pool.lane(parent, never, apart)]
    dialOf(direct, 0).succeed()
    dialOf(direct, 1).succeed()
    const [shared, first, second] = await Promise.all(wanted)
    assert.notEqual(shared, first)
    assert.equal(first, second)
    assert.equal(direct.dials.length, 2)
    await pool.close()
  })

  it('tries the next way when one fails', async () => {
    const { direct, libp2p, pool, parent } = setUp()
    const wanted = pool.lane(parent, never)
    assert.equal(libp2p.dials.length, 0)
    dialOf(direct).fail(new Error('refused'))
    await eventually(() => libp2p.dials.length === 1)
    dialOf(libp2p).succeed()
    assert.equal((await wanted).kind, 'libp2p')
    await pool.close()
  })

  it('tries the next way beside one that takes long; the first that succeeds wins', async () => {
    const { clock, direct, libp2p, pool, parent } = setUp()
    const wanted = pool.lane(parent, never)
    clock.advance(249)
    assert.equal(libp2p.dials.length, 0)
    clock.advance(1)
    assert.equal(libp2p.dials.length, 1)
    dialOf(direct).succeed()
    assert.equal((await wanted).kind, 'direct')
    assert.ok(dialOf(libp2p).signal.aborted)
    await pool.close()
  })

  it('names every cause when no way works, and tries again when asked again', async () => {
    const { direct, libp2p, pool, parent } = setUp()
    const wanted = pool.lane(parent, never)
    dialOf(direct).fail(new Error('connection refused'))
    await eventually(() => libp2p.dials.length === 1)
    dialOf(libp2p).fail(new Error('no route'))
    await assert.rejects(wanted, (error) => isDamselflyError(error, 'PEER_UNREACHABLE') && /connection refused; no route/.test(error.message))
    const again = pool.lane(parent, never)
    dialOf(direct, 1).succeed()
    await again
    await pool.close()
  })

  it('says when the two sides allow no common kind', async () => {
    const { pool, parent, direct } = setUp({ security: new SecurityInForce({ security: 'noise' }) })
    const onlyDirect = { ...parent, endpoints: [at('direct')] }
    const why = (error: unknown): boolean =>
      isDamselflyError(error, 'PEER_UNREACHABLE') && /offers direct; security here is noise, there tls/.test(error.message)
    await assert.rejects(pool.lane(onlyDirect, never), why)
    await assert.rejects(pool.lane({ ...parent, endpoints: [] }, never), (error) => isDamselflyError(error, 'PEER_UNREACHABLE'))
    assert.equal(direct.dials.length, 0)
  })

  it('never dials plainly when one side does not allow it', async () => {
    const plain = new PlayedTransport('plain')
    const { pool, parent } = setUp({ transports: [plain], security: new SecurityInForce({ security: 'plain' }) })
    const refused = pool.lane({ ...parent, endpoints: [at('plain')], security: 'tls' }, never)
    await assert.rejects(refused, (error) => isDamselflyError(error, 'PEER_UNREACHABLE'))
    assert.equal(plain.dials.length, 0)
    const allowed = pool.lane({ ...parent, endpoints: [at('plain')], security: 'plain' }, never)
    dialOf(plain).succeed()
    assert.equal((await allowed).kind, 'plain')
    await pool.close()
  })

  it('ends an attempt when nobody waits for it any more, not before', async () => {
    const { direct, pool, parent } = setUp()
    const [first, second] = [new AbortController(), new AbortController()]
    const firstWanted = pool.lane(parent, first.signal)
    const secondWanted = pool.lane(parent, second.signal)
    const reason = new Error('changed my mind')
    first.abort(reason)
    await assert.rejects(firstWanted, reason)
    assert.ok(!dialOf(direct).signal.aborted)
    second.abort(reason)
    await assert.rejects(secondWanted, reason)
    assert.ok(dialOf(direct).signal.aborted)
    const again = pool.lane(parent, never)
    dialOf(direct, 1).succeed()
    await again
    await pool.close()
  })

  it('closes a lane that nobody used for 30 seconds, and opens another when needed', async () => {
    const { clock, direct, pool, parent } = setUp()
    const wanted = pool.lane(parent, never)
    const far = dialOf(direct).succeed()
    const lane = await wanted
    const request = lane.request(TASK, { index: 0, offset: 0, length: 4 }, () => undefined, never)
    clock.advance(60_000)
    assert.ok(!lane.closed.aborted)
    await far.sendData(1, Buffer.from('data'))
    await request
    clock.advance(29_000)
    assert.equal(await pool.lane(parent, never), lane)
    clock.advance(29_999)
    assert.ok(!lane.closed.aborted)
    clock.advance(1)
    assert.ok(lane.closed.aborted)
    const again = pool.lane(parent, never)
    dialOf(direct, 1).succeed()
    assert.notEqual(await again, lane)
    await pool.close()
  })

  it('replaces a lane whose keys are an hour old, and ends it once what was asked for has come', async () => {
    const { clock, direct, pool, parent } = setUp({ idleMs: 10_000_000 })
    const wanted = pool.lane(parent, never)
    dialOf(direct).succeed()
    const first = await wanted
    clock.advance(3_600_000)
    assert.equal(await pool.lane(parent, never), first)
    const piece = { index: 0, offset: 0, length: 1 }
    const open = first.request(TASK, piece, () => undefined, never)
    clock.advance(1)
    const renewed = pool.lane(parent, never)
    dialOf(direct, 1).succeed()
    assert.notEqual(await renewed, first)
    clock.advance(100_000)
    assert.ok(!first.closed.aborted)
    await pool.close()
    void first.close()
    await assert.rejects(open)
  })

  it('replaces a lane at once that is less than what the network demands by now', async () => {
    const plain = new PlayedTransport('plain')
    const security = new SecurityInForce({ security: 'plain' })
    const { direct, pool, parent } = setUp({ security })
    const lax = createLanePool({ transports: [plain, direct], security, clock: new VirtualClock(), downloadLimiter: new RateLimiter(0, new VirtualClock()) })
    const both = { ...parent, endpoints: [at('plain'), at('direct')], security: 'plain' } as const
    const wanted = lax.lane(both, never)
    dialOf(plain).succeed()
    const first = await wanted
    security.networkDemands({ security: 'tls' })
    const next = lax.lane(both, never)
    dialOf(direct).succeed()
    assert.equal((await next).kind, 'direct')
    assert.ok(first.closed.aborted)
    await Promise.all([lax.close(), pool.close()])
  })

  it('replaces a lane that broke', async () => {
    const { direct, pool, parent } = setUp()
    const wanted = pool.lane(parent, never)
    const far = dialOf(direct).succeed()
    const lane = await wanted
    far.abort(new Error('broken'))
    await eventually(() => lane.closed.aborted)
    const again = pool.lane(parent, never)
    dialOf(direct, 1).succeed()
    assert.notEqual(await again, lane)
    await pool.close()
  })

  it('ends lanes and attempts when it is closed, and opens no more', async () => {
    const { direct, pool, parent } = setUp()
    const opened = pool.lane(parent, never)
    dialOf(direct).succeed()
    const lane = await opened
    const attempt = pool.lane({ ...parent, peer: createIdentity().peerId }, never)
    const isClosed = (error: unknown): boolean => isDamselflyError(error, 'CHANNEL_CLOSED')
    const ended = assert.rejects(attempt, isClosed)
    await Promise.all([pool.close(), ended])
    assert.ok(lane.closed.aborted)
    assert.ok(dialOf(direct, 1).signal.aborted)
    await assert.rejects(pool.lane(parent, never), isClosed)
  })
})
