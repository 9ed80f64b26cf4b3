import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { isDamselflyError, VirtualClock } from '@damselfly/shared'
import type { Channel, ChannelKind, Protocol } from '../../src/channel/channel.ts'
import { createDirectTransport, type SocketTransportInit } from '../../src/channel/direct-transport.ts'
import { createLibp2pTransport } from '../../src/channel/libp2p-transport.ts'
import { createPlainTransport } from '../../src/channel/plain-transport.ts'
import type { Endpoint, Transport } from '../../src/channel/transport.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import { Recorder } from '../../src/channel/testing/recorder.ts'

const PIECE: Protocol = '/damselfly/piece/1'
const never = new AbortController().signal

const KINDS: readonly (readonly [ChannelKind, (init: SocketTransportInit) => Transport])[] = [
  ['direct', createDirectTransport],
  ['plain', createPlainTransport],
  ['libp2p', createLibp2pTransport],
]

for (const [kind, create] of KINDS) {
  describe(`the ${kind} transport`, () => {
    const identity = createIdentity()
    const other = createIdentity()
    let transports: Transport[]
    let servers: Server[]
    const made = (init: SocketTransportInit): Transport => {
      const transport = create(init)
      transports.push(transport)
      return transport
    }
    const listenOn = async (server: Server, host = '127.0.0.1'): Promise<Endpoint> => {
      servers.push(server)
      server.listen(0, host)
      await once(server, 'listening')
      return { kind, host, port: (server.address() as AddressInfo).port }
    }

    beforeEach(() => {
      transports = []
      servers = []
    })
    afterEach(async () => {
      await Promise.all(transports.map((transport) => transport.stop()))
      for (const server of servers) server.close()
    })

    it('finds out that somebody else answers', async () => {
      const [endpoint] = await made({ identity }).listen([{ host: '127.0.0.1', port: 0 }], () => undefined)
      assert.ok(endpoint)
      const dialing = made({ identity: createIdentity() }).dial({ endpoint, peer: other.peerId }, PIECE, never)
      await assert.rejects(dialing, (error) => isDamselflyError(error, 'PEER_IDENTITY') && error.message.includes(other.peerId))
    })

    it('proves who answers when it does not matter who', async () => {
      const [endpoint] = await made({ identity }).listen([{ host: '127.0.0.1', port: 0 }], () => undefined)
      assert.ok(endpoint)
      const channel = await made({ identity: other }).dial({ endpoint, peer: undefined }, PIECE, never)
      assert.equal(channel.remotePeer, identity.peerId)
    })

    it('says that nobody answers, and where', async () => {
      const endpoint = await listenOn(createServer())
      servers[0]?.close()
      const dialing = made({ identity }).dial({ endpoint, peer: other.peerId }, PIECE, never)
      const isUnreachable = (error: unknown): boolean =>
        isDamselflyError(error, 'PEER_UNREACHABLE') && error.message.includes(`${kind} 127.0.0.1:${endpoint.port}`)
      await assert.rejects(dialing, isUnreachable)
    })

    it('does not take a server of another kind for a peer', async () => {
      const endpoint = await listenOn(createServer((socket) => void socket.on('error', () => undefined).end('HTTP/1.1 400\r\n\r\n')))
      const dialing = made({ identity }).dial({ endpoint, peer: other.peerId }, PIECE, never)
      await assert.rejects(dialing, (error) => isDamselflyError(error, 'PEER_UNREACHABLE'))
    })

    it('gives up a dial when asked to, with the reason', async () => {
      const server = createServer((socket) => void socket.on('error', () => undefined))
      const endpoint = await listenOn(server)
      const controller = new AbortController()
      const dialing = made({ identity }).dial({ endpoint, peer: other.peerId }, PIECE, controller.signal)
      await once(server, 'connection')
      const reason = new Error('changed my mind')
      controller.abort(reason)
      await assert.rejects(dialing, reason)
      await assert.rejects(made({ identity }).dial({ endpoint, peer: other.peerId }, PIECE, controller.signal), reason)
    })

    it('gives up a dial when the handshake takes too long', async () => {
      const clock = new VirtualClock()
      const server = createServer((socket) => void socket.on('error', () => undefined))
      const endpoint = await listenOn(server)
      const dialing = made({ identity, clock }).dial({ endpoint, peer: other.peerId }, PIECE, never)
      await once(server, 'connection')
      clock.advance(10_000)
      await assert.rejects(dialing, (error) => isDamselflyError(error, 'PEER_UNREACHABLE') && /10 s/.test(error.message))
    })

    it('says which address is taken, and listens on none then', async () => {
      const taken = await listenOn(createServer())
      const free = await listenOn(createServer())
      servers[1]?.close()
      const transport = made({ identity })
      const listening = transport.listen([free, taken], () => undefined)
      const isTaken = (error: unknown): boolean =>
        isDamselflyError(error, 'ADDRESS_IN_USE') && error.message.includes(`127.0.0.1:${taken.port}`)
      await assert.rejects(listening, isTaken)
      await listenAgain(free.port)
    })

    it('listens on several addresses and on IPv6', async () => {
      const addresses = [{ host: '127.0.0.1', port: 0 }, { host: '::1', port: 0 }]
      const endpoints = await made({ identity }).listen(addresses, () => undefined)
      assert.deepEqual(endpoints.map(({ host }) => host), ['127.0.0.1', '::1'])
      for (const endpoint of endpoints) {
        const channel = await made({ identity: createIdentity() }).dial({ endpoint, peer: identity.peerId }, PIECE, never)
        assert.equal(channel.remoteAddress, endpoint.host === '::1' ? `[::1]:${endpoint.port}` : `127.0.0.1:${endpoint.port}`)
      }
    })

    it('takes IPv4 too on the IPv6 wildcard, and shows such addresses as IPv4', async () => {
      const accepted = Promise.withResolvers<Channel>()
      const [endpoint] = await made({ identity }).listen([{ host: '::', port: 0 }], accepted.resolve)
      assert.ok(endpoint)
      await made({ identity: other }).dial({ endpoint: { ...endpoint, host: '127.0.0.1' }, peer: identity.peerId }, PIECE, never)
      assert.match((await accepted.promise).remoteAddress, /^127\.0\.0\.1:\d+$/)
    })

    it('dials a name', async () => {
      const [endpoint] = await made({ identity }).listen([{ host: '127.0.0.1', port: 0 }], () => undefined)
      assert.ok(endpoint)
      const channel = await made({ identity: other }).dial({ endpoint: { ...endpoint, host: 'localhost' }, peer: identity.peerId }, PIECE, never)
      assert.equal(channel.remotePeer, identity.peerId)
    })

    it('aborts its channels when it stops, and dials no more', async () => {
      const accepted = Promise.withResolvers<Channel>()
      const listening = made({ identity })
      const [endpoint] = await listening.listen([{ host: '127.0.0.1', port: 0 }], accepted.resolve)
      assert.ok(endpoint)
      const dialing = made({ identity: other })
      const near = new Recorder()
      const far = new Recorder()
      ;(await dialing.dial({ endpoint, peer: identity.peerId }, PIECE, never)).receive(near)
      ;(await accepted.promise).receive(far)
      await listening.stop()
      await listening.stop()
      assert.ok(isDamselflyError(await far.whenClosed(), 'CHANNEL_CLOSED'))
      assert.ok(isDamselflyError(await near.whenClosed(), 'CHANNEL_CLOSED'))
      const again = dialing.dial({ endpoint, peer: identity.peerId }, PIECE, never)
      await assert.rejects(again, (error) => isDamselflyError(error, 'PEER_UNREACHABLE'))
    })

    it('outlives whatever strangers send', async () => {
      const accepted = Promise.withResolvers<Channel>()
      const [endpoint] = await made({ identity }).listen([{ host: '127.0.0.1', port: 0 }], accepted.resolve)
      assert.ok(endpoint)
      const garbage = ['', 'GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff', 'DFPLAIN1', `DFPLAIN1${'x'.repeat(96)}`, '\0'.repeat(100_000)]
      await Promise.all(garbage.map((text) => sendAndLeave(endpoint.port, text)))
      await made({ identity: other }).dial({ endpoint, peer: identity.peerId }, PIECE, never)
      assert.equal((await accepted.promise).remotePeer, other.peerId)
    })
  })
}

describe('the plain transport', () => {
  it('never carries control', async () => {
    const transport = createPlainTransport({ identity: createIdentity() })
    const target = { endpoint: { kind: 'plain', host: '127.0.0.1', port: 1 }, peer: undefined } as const
    await assert.rejects(transport.dial(target, '/damselfly/control/1', never), (error) => isDamselflyError(error, 'PROTOCOL'))
  })

  it('drops who does not finish the handshake in time', async () => {
    const clock = new VirtualClock()
    const transport = createPlainTransport({ identity: createIdentity(), clock })
    const [endpoint] = await transport.listen([{ host: '127.0.0.1', port: 0 }], () => assert.fail('nobody was proved'))
    assert.ok(endpoint)
    const socket = connect(endpoint.port, '127.0.0.1')
    socket.write('DFPLAIN1')
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    const closed = ended(socket)
    clock.advance(10_000)
    await closed
    await transport.stop()
  })
})

describe('the direct transport', () => {
  it('takes nobody without a certificate, without our protocols or with an old TLS', async () => {
    const transport = createDirectTransport({ identity: createIdentity() })
    const [endpoint] = await transport.listen([{ host: '127.0.0.1', port: 0 }], () => assert.fail('nobody was proved'))
    assert.ok(endpoint)
    const common = { host: '127.0.0.1', port: endpoint.port, rejectUnauthorized: false }
    for (const options of [{ ALPNProtocols: [PIECE] }, { ALPNProtocols: ['h2'] }, {}, { ALPNProtocols: [PIECE], maxVersion: 'TLSv1.2' }] as const) {
      await ended(connectSecurely({ ...common, ...options }))
    }
    await transport.stop()
  })
})

async function listenAgain(port: number): Promise<void> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
}

async function sendAndLeave(port: number, text: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.end(Buffer.from(text, 'latin1'))
  await ended(socket)
}

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined)
    socket.once('close', () => resolve())
    socket.resume()
  })
}
