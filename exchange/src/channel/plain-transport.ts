import { connect, createServer, type Server, type Socket } from 'node:net'
import { DamselflyError, systemClock, type Clock } from '@damselfly/shared'
import type { Identity } from '../identity/identity.ts'
import { formatAddress, plainHost } from './address.ts'
import type { Channel, Protocol } from './channel.ts'
import { ConnectionGate, type Entry } from './connection-gate.ts'
import { Connections } from './connections.ts'
import { dialWithin, HANDSHAKE_TIMEOUT_MS, wrongPeer } from './dialing.ts'
import type { SocketTransportInit } from './direct-transport.ts'
import { FramedChannel } from './framed-channel.ts'
import { answerPlainly, greetPlainly, type PlainGreeting } from './plain-handshake.ts'
import { ReadBuffer, SocketLink } from './socket-link.ts'
import type { DialTarget, Endpoint, ListenAddress, Transport } from './transport.ts'

/** One read of the kernel brings this much at best; bytes. */
const READ_BUFFER_BYTES = 256 * 1024 + 4096

/**
 * TCP without encryption, for trusted networks that choose it; for pieces only. A handshake
 * proves both PeerIds, so tickets count as elsewhere.
 */
export function createPlainTransport(init: SocketTransportInit): Transport {
  return new PlainTransport(init)
}

class PlainTransport implements Transport {
  readonly kind = 'plain'
  readonly #identity: Identity
  readonly #clock: Clock
  readonly #gate: ConnectionGate
  readonly #connections = new Connections('plain')

  constructor(init: SocketTransportInit) {
    this.#identity = init.identity
    this.#clock = init.clock ?? systemClock
    this.#gate = init.gate ?? new ConnectionGate({ clock: this.#clock })
  }

  listen(addresses: readonly ListenAddress[], onChannel: (channel: Channel) => void): Promise<readonly Endpoint[]> {
    return this.#connections.listen(addresses, () => this.#createServer(onChannel))
  }

  async dial(target: DialTarget, protocol: Protocol, signal: AbortSignal): Promise<Channel> {
    if (protocol !== '/damselfly/piece/1') {
      throw new DamselflyError('PROTOCOL', `${protocol} needs an encrypted channel; plain ones carry pieces only`)
    }
    return dialWithin(target.endpoint, signal, this.#clock, async (within) => {
      const readBuffer = new ReadBuffer(READ_BUFFER_BYTES)
      const { host, port } = target.endpoint
      const socket = connect({ host, port, onread: readBuffer.onread })
      this.#connections.addSocket(socket)
      const link = new SocketLink(socket, readBuffer)
      try {
        const greeting = await greetPlainly(link, this.#identity, protocol, within)
        if (target.peer !== undefined && greeting.remotePeer !== target.peer) {
          throw wrongPeer(target.endpoint, target.peer, greeting.remotePeer)
        }
        return this.#open(socket, link, greeting)
      } catch (error) {
        socket.destroy()
        throw error
      }
    })
  }

  stop(): Promise<void> {
    return this.#connections.stop()
  }

  #createServer(onChannel: (channel: Channel) => void): Server {
    return createServer((socket) => {
      const entry = this.#gate.enter(socket.remoteAddress ?? '')
      if (entry === undefined) return socket.destroy()
      socket.once('close', entry.left)
      this.#connections.addSocket(socket)
      void this.#answer(socket, entry, onChannel)
    })
  }

  async #answer(socket: Socket, entry: Entry, onChannel: (channel: Channel) => void): Promise<void> {
    const timeout = new AbortController()
    const cancel = this.#clock.after(HANDSHAKE_TIMEOUT_MS, () => timeout.abort())
    const link = new SocketLink(socket, undefined)
    try {
      const greeting = await answerPlainly(link, this.#identity, timeout.signal)
      entry.proved()
      const leave = this.#gate.channel(greeting.remotePeer)
      if (leave === undefined) socket.destroy()
      else onChannel(this.#open(socket, link, greeting, leave))
    } catch {
      // Whoever does not get through the handshake is nobody to us: no log line that a scanner could multiply.
      socket.destroy()
    } finally {
      cancel()
    }
  }

  #open(socket: Socket, link: SocketLink, greeting: PlainGreeting, leave?: () => void): Channel {
    const channel = new FramedChannel({
      link,
      kind: 'plain',
      protocol: greeting.protocol,
      remotePeer: greeting.remotePeer,
      remoteAddress: formatAddress(plainHost(socket.remoteAddress ?? ''), socket.remotePort ?? 0),
      clock: this.#clock,
      early: greeting.early,
      onFinished: (finished) => {
        leave?.()
        this.#connections.removeChannel(finished)
      },
    })
    this.#connections.addChannel(channel)
    return channel
  }
}
