import assert from 'node:assert/strict'
import { constants } from 'node:crypto'
import { connect, createServer, type ConnectionOptions, type TlsOptions } from 'node:tls'
import { isDamselflyError, RateLimiter, systemClock } from '@damselfly/shared'
import type { Channel } from '../../src/channel/channel.ts'
import type { Cipher } from '../../src/channel/cipher-choice.ts'
import { createDirectTransport } from '../../src/channel/direct-transport.ts'
import { createPlainTransport } from '../../src/channel/plain-transport.ts'
import { Recorder } from '../../src/channel/testing/recorder.ts'
import type { Endpoint } from '../../src/channel/transport.ts'
import { createIdentityCertificate } from '../../src/identity/certificate.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import { createLanePool } from '../../src/lane/lane-pool.ts'
import { SecurityInForce, UNTOLD_DEMANDS } from '../../src/lane/security-in-force.ts'
import { connectInMemory, contentOf, fetchPiece, LaneHarness, never, TASK, type Connect } from './lane-harness.ts'

const LOOPBACK = [{ host: '127.0.0.1', port: 0 }]
const identity = createIdentity()

/** What ends after a test. */
const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()))
})

const overPlainTcp: Connect = async (child, parent) => {
  const [dialing, serving] = [createPlainTransport({ identity: child }), createPlainTransport({ identity: parent })]
  ends.push(() => dialing.stop(), () => serving.stop())
  const accepted = Promise.withResolvers<Channel>()
  const [endpoint] = await serving.listen(LOOPBACK, accepted.resolve)
  assert.ok(endpoint)
  const near = await dialing.dial({ endpoint, peer: parent.peerId }, '/damselfly/piece/1', never)
  return [near, await accepted.promise]
}

describe('a parent in a network that demands encryption', () => {
  it('refuses a plain lane although the ticket counts, and although it has no such rule itself', async () => {
    const security = new SecurityInForce({ security: 'plain' }, { security: 'tls' })
    const harness = new LaneHarness(overPlainTcp, { security })
    const lane = await harness.laneWithTicket()
    await assert.rejects(fetchPiece(lane, harness.piece(0)), (error) => isDamselflyError(error, 'CHANNEL_CLOSED'))
    assert.equal(harness.bytesSent, 0)
  })

  it('ends lanes that were good enough until the supernode demanded more', async () => {
    const security = new SecurityInForce({ security: 'plain' })
    const harness = new LaneHarness(overPlainTcp, { security })
    const lane = await harness.laneWithTicket()
    assert.deepEqual(await fetchPiece(lane, harness.piece(0)), contentOf(harness.piece(0)))
    security.networkDemands({ security: 'tls' })
    await assert.rejects(fetchPiece(lane, harness.piece(1)), (error) => isDamselflyError(error, 'CHANNEL_CLOSED'))
  })

  it('takes no plain lane before its supernode has said what is demanded', async () => {
    const harness = new LaneHarness(overPlainTcp, { security: new SecurityInForce({ security: 'plain' }, UNTOLD_DEMANDS) })
    await assert.rejects(fetchPiece(await harness.laneWithTicket(), harness.piece(0)))
  })
})

describe('a child in a network that demands encryption', () => {
  it('dials no plain lane, whatever the parent offers', async () => {
    const plain = createPlainTransport({ identity })
    ends.push(() => plain.stop())
    let connections = 0
    const [endpoint] = await plain.listen(LOOPBACK, () => connections++)
    assert.ok(endpoint)
    const clock = systemClock
    const security = new SecurityInForce({ security: 'plain' }, { security: 'tls' })
    const pool = createLanePool({ transports: [plain], security, clock, downloadLimiter: new RateLimiter(0, clock) })
    const parent = { peer: identity.peerId, endpoints: [endpoint], security: 'plain' } as const
    await assert.rejects(pool.lane(parent, never), (error) => isDamselflyError(error, 'PEER_UNREACHABLE') && /security here is tls/.test(error.message))
    assert.equal(connections, 0)
  })
})

describe('TLS between peers', () => {
  async function listening(ciphers: () => readonly Cipher[]): Promise<{ endpoint: Endpoint; accepted: Channel[] }> {
    const transport = createDirectTransport({ identity, ciphers })
    ends.push(() => transport.stop())
    const accepted: Channel[] = []
    const [endpoint] = await transport.listen(LOOPBACK, (channel) => {
      channel.receive(new Recorder())
      accepted.push(channel)
    })
    assert.ok(endpoint)
    return { endpoint, accepted }
  }

  /** @returns the cipher, or undefined when the handshake fails */
  async function offer({ host, port }: Endpoint, options: ConnectionOptions): Promise<string | undefined> {
    const { certificate: cert, privateKey: key } = await createIdentityCertificate(createIdentity())
    const ALPNProtocols = ['/damselfly/piece/1']
    const socket = connect({ host, port, cert, key, rejectUnauthorized: false, ALPNProtocols, ...options })
    try {
      return await new Promise((resolve) => {
        socket.once('secureConnect', () => resolve(socket.getCipher().standardName))
        socket.once('error', () => resolve(undefined))
        socket.once('close', () => resolve(undefined))
      })
    } finally {
      socket.destroy()
    }
  }

  it('accepts nothing older than 1.3, and no cipher that is not allowed', async () => {
    const { endpoint, accepted } = await listening(() => ['aes-256-gcm'])
    assert.equal(await offer(endpoint, { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' }), undefined)
    assert.equal(await offer(endpoint, { ciphers: 'TLS_AES_128_GCM_SHA256' }), undefined)
    assert.equal(await offer(endpoint, { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }), undefined)
    assert.equal(accepted.length, 0)
    assert.equal(await offer(endpoint, { ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384' }), 'TLS_AES_256_GCM_SHA384')
  })

  it('follows what is allowed without a new start', async () => {
    let allowed: readonly Cipher[] = ['aes-128-gcm']
    const { endpoint } = await listening(() => allowed)
    assert.equal(await offer(endpoint, {}), 'TLS_AES_128_GCM_SHA256')
    allowed = ['chacha20-poly1305']
    assert.equal(await offer(endpoint, {}), 'TLS_CHACHA20_POLY1305_SHA256')
    assert.equal(await offer(endpoint, { ciphers: 'TLS_AES_128_GCM_SHA256' }), undefined)
  })

  it('is not spoken to a parent that offers less', async () => {
    const { certificate: cert, privateKey: key } = await createIdentityCertificate(identity)
    const weaker: TlsOptions[] = [
      { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' },
      { ciphers: 'TLS_AES_128_GCM_SHA256', secureOptions: constants.SSL_OP_NO_TICKET },
    ]
    for (const options of weaker) {
      const server = createServer({ cert, key, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['/damselfly/piece/1'], ...options })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      assert.ok(typeof address === 'object' && address !== null)
      const child = createDirectTransport({ identity: createIdentity(), ciphers: () => ['aes-256-gcm'] })
      ends.push(() => child.stop(), () => new Promise((resolve) => server.close(resolve)))
      const endpoint = { kind: 'direct', host: '127.0.0.1', port: address.port } as const
      await assert.rejects(child.dial({ endpoint, peer: identity.peerId }, '/damselfly/piece/1', never), (error) =>
        isDamselflyError(error, 'PEER_UNREACHABLE'),
      )
    }
  })
})

describe('keys of lanes', () => {
  it('change while pieces come, with no request lost', async () => {
    const harness = new LaneHarness(connectInMemory)
    const [serving, dialing] = [createDirectTransport({ identity: harness.parent }), createDirectTransport({ identity: harness.child })]
    ends.push(() => serving.stop(), () => dialing.stop())
    let channels = 0
    const endpoints = await serving.listen(LOOPBACK, (channel) => {
      channels++
      harness.server.serve(channel)
    })
    const pool = createLanePool({
      transports: [dialing],
      security: new SecurityInForce({ security: 'tls' }),
      clock: systemClock,
      downloadLimiter: new RateLimiter(0, systemClock),
      lifetime: { ms: Number.POSITIVE_INFINITY, bytes: 1024 },
    })
    ends.unshift(() => pool.close())
    const wanted = [0, 1, 3].flatMap((index) => Array<number>(6).fill(index))
    const fetchNext = async (): Promise<void> => {
      for (let index = wanted.shift(); index !== undefined; index = wanted.shift()) {
        const lane = await pool.lane({ peer: harness.parent.peerId, endpoints, security: 'plain' }, never)
        // As the supernode renews them, with each lane another one.
        lane.presentTicket(TASK, harness.ticket({ expiresAt: Date.now() + 60_000 + wanted.length }))
        assert.deepEqual(await fetchPiece(lane, harness.piece(index)), contentOf(harness.piece(index)))
      }
    }
    await Promise.all([fetchNext(), fetchNext(), fetchNext()])
    assert.equal(harness.served.length, 18)
    assert.ok(channels >= 6, `${channels} lanes`)
    assert.deepEqual(harness.refusals, [])
  })
})
