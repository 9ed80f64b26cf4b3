import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { VirtualClock } from '@damselfly/shared'
import type { Channel, ChannelKind } from '../../src/channel/channel.ts'
import { AddressBook } from '../../src/channel/address-book.ts'
import { ConnectionGate, type ConnectionLimits, type Entry } from '../../src/channel/connection-gate.ts'
import { createDirectTransport, type SocketTransportInit } from '../../src/channel/direct-transport.ts'
import { createLibp2pTransport } from '../../src/channel/libp2p-transport.ts'
import { createPlainTransport } from '../../src/channel/plain-transport.ts'
import type { Endpoint, Transport } from '../../src/channel/transport.ts'
import { createIdentity } from '../../src/identity/private-key.ts'

const never = new AbortController().signal

function enter(gate: ConnectionGate, host: string): Entry {
  const entry = gate.enter(host)
  assert.ok(entry, 'was turned away')
  return entry
}

describe('a gate for connections', () => {
  const gateOf = (limits: Partial<ConnectionLimits>, clock = new VirtualClock()): ConnectionGate => new ConnectionGate({ limits, clock })

  it('keeps one address, however it is written, from taking everything', () => {
    const gate = gateOf({ connectionsPerAddress: 2 })
    const first = enter(gate, '192.0.2.1')
    enter(gate, '::ffff:192.0.2.1')
    assert.equal(gate.enter('192.0.2.1'), undefined)
    enter(gate, '192.0.2.2')
    assert.equal(gate.refused('connections-per-address'), 1)
    first.left()
    first.left()
    enter(gate, '192.0.2.1')
    assert.equal(gate.enter('192.0.2.1'), undefined)
  })

  it('takes an IPv6 network of 64 bits for one address', () => {
    const gate = gateOf({ connectionsPerAddress: 1 })
    enter(gate, '2001:db8:0:1::1')
    assert.equal(gate.enter('2001:db8:0:1:ffff::2'), undefined)
    enter(gate, '2001:db8:0:2::1')
  })

  it('bounds the handshakes that are under way, and not those that are over', () => {
    const gate = gateOf({ handshakesPerAddress: 1 })
    const first = enter(gate, '192.0.2.1')
    assert.equal(gate.enter('192.0.2.1'), undefined)
    assert.equal(gate.refused('handshakes-per-address'), 1)
    first.proved()
    enter(gate, '192.0.2.1').left()
    enter(gate, '192.0.2.1')
    assert.deepEqual([gate.open, gate.handshakes], [2, 1])
  })

  it('slows down who connects again and again, and nobody else', () => {
    const clock = new VirtualClock()
    const gate = gateOf({ handshakeRate: 10 }, clock)
    const comeAndGo = (): boolean => {
      const entry = gate.enter('192.0.2.1')
      entry?.left()
      return entry !== undefined
    }
    assert.equal(Array.from({ length: 1000 }, comeAndGo).filter(Boolean).length, 50)
    enter(gate, '192.0.2.2')
    clock.advance(1000)
    assert.equal(Array.from({ length: 1000 }, comeAndGo).filter(Boolean).length, 10)
    assert.equal(gate.refused('handshake-rate'), 1940)
  })

  it('forgets whoever is gone: many addresses leave nothing', () => {
    const clock = new VirtualClock()
    const book = new AddressBook(100, clock)
    for (let i = 0; i < 100_000; i++) {
      const network = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
      const address = book.at(network)
      book.begins(address)
      book.left(network, address)
      if (i % 100 === 0) clock.advance(10)
    }
    assert.ok(book.size <= 8192, `${book.size} addresses`)
  })

  it('bounds the channels of one peer', () => {
    const gate = gateOf({ channelsPerPeer: 2 })
    const [{ peerId }, other] = [createIdentity(), createIdentity()]
    const leave = gate.channel(peerId)
    gate.channel(peerId)
    assert.equal(gate.channel(peerId), undefined)
    assert.ok(gate.channel(other.peerId))
    leave?.()
    leave?.()
    assert.ok(gate.channel(peerId))
    assert.equal(gate.channel(peerId), undefined)
  })
})

const KINDS: readonly (readonly [ChannelKind, (init: SocketTransportInit) => Transport])[] = [
  ['direct', createDirectTransport],
  ['plain', createPlainTransport],
  ['libp2p', createLibp2pTransport],
]

for (const [kind, create] of KINDS) {
  describe(`the ${kind} transport behind a gate`, () => {
    let transports: Transport[]
    let accepted: Channel[]
    const identity = createIdentity()
    beforeEach(() => ((transports = []), (accepted = [])))
    afterEach(() => Promise.all(transports.map((transport) => transport.stop())))

    const made = (init: SocketTransportInit): Transport => {
      const transport = create(init)
      transports.push(transport)
      return transport
    }
    const listen = async (gate: ConnectionGate): Promise<Endpoint> => {
      const [endpoint] = await made({ identity, gate }).listen([{ host: '127.0.0.1', port: 0 }], (channel) => accepted.push(channel))
      assert.ok(endpoint)
      return endpoint
    }
    const dial = (endpoint: Endpoint): Promise<Channel> => made({ identity: createIdentity() }).dial({ endpoint, peer: identity.peerId }, '/damselfly/piece/1', never)

    it('lets go of who never finishes the handshake, and serves others meanwhile', async () => {
      const gate = new ConnectionGate({ limits: { handshakesPerAddress: 3 } })
      const endpoint = await listen(gate)
      const silent = await Promise.all([connected(endpoint), connected(endpoint)])
      await until(() => gate.handshakes === 2)
      await dial(endpoint)
      await until(() => accepted.length === 1 && gate.handshakes === 2)
      for (const socket of silent) socket.destroy()
      await until(() => gate.open === 1)
    })

    it('closes what is too much, and lets others in when there is room again', async () => {
      const gate = new ConnectionGate({ limits: { connectionsPerAddress: 1 } })
      const endpoint = await listen(gate)
      const first = await dial(endpoint)
      await until(() => accepted.length === 1)
      await assert.rejects(dial(endpoint), { code: 'PEER_UNREACHABLE' })
      assert.equal(gate.refused('connections-per-address'), 1)
      // With libp2p the connection outlives its channel.
      first.abort(new Error('no more'))
      await transports[1]?.stop()
      await until(() => gate.open === 0)
      await dial(endpoint)
    })

    it('ends the channels that are too many for one peer', async () => {
      const gate = new ConnectionGate({ limits: { channelsPerPeer: 2 } })
      const endpoint = await listen(gate)
      const dialing = made({ identity: createIdentity() })
      const closed: Promise<void>[] = []
      const open = async (): Promise<void> => {
        const channel = await dialing.dial({ endpoint, peer: identity.peerId }, '/damselfly/piece/1', never)
        const { promise, resolve } = Promise.withResolvers<void>()
        closed.push(promise)
        channel.receive({ message: () => undefined, data: () => undefined, closed: () => resolve() })
      }
      await Promise.all([open(), open()])
      await until(() => accepted.length === 2)
      // The dialling side may be through with its own part of the handshake before it is turned away.
      await open().then(() => closed[2], () => undefined)
      assert.equal(accepted.length, 2)
      assert.equal(gate.refused('channels-per-peer'), 1)
    }).timeout(20_000)
  })
}

async function connected({ host, port }: Endpoint): Promise<Socket> {
  const socket = connect(port, host)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(2)
}
