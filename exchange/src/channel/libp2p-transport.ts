import type { Connection, Stream } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'
import { DamselflyError, systemClock, type Clock, type PeerId } from '@damselfly/shared'
import type { Identity } from '../identity/identity.ts'
import { isPeerId } from '../identity/peer-id.ts'
import { PROTOCOLS, type Channel, type Protocol } from './channel.ts'
import { ConnectionGate } from './connection-gate.ts'
import { Connections, stoppedError } from './connections.ts'
import { dialWithin, wrongPeer } from './dialing.ts'
import { FramedChannel } from './framed-channel.ts'
import type { DialTarget, Endpoint, ListenAddress, Transport } from './transport.ts'

export interface Libp2pTransportInit {
  readonly identity: Identity
  /** @default systemClock */
  readonly clock?: Clock
  /** Who is let in; shared by all listeners of a program. @default one of its own with the usual limits */
  readonly gate?: ConnectionGate
}

/** How long a connection that was dialled is kept without a channel, for the next one to the same peer; milliseconds. */
const LINGER_MS = 30_000

/** libp2p takes most of a second to load, so that happens on the first `listen` or `dial`. */
const loadNodeModule = () => import('./libp2p-node.ts')
type NodeModule = Awaited<ReturnType<typeof loadNodeModule>>

/** Streams over Noise and yamux: the transport that also crosses NATs and relays. */
export function createLibp2pTransport(init: Libp2pTransportInit): Transport {
  return new Libp2pTransport(init)
}

class Libp2pTransport implements Transport {
  readonly kind = 'libp2p'
  readonly #identity: Identity
  readonly #clock: Clock
  readonly #gate: ConnectionGate
  readonly #connections = new Connections('libp2p')
  readonly #nodes = new Set<Libp2p>()
  /** The node that dials: the one that listens if there is one, so that both ways share connections. */
  #dialer: Promise<Libp2p> | undefined

  constructor(init: Libp2pTransportInit) {
    this.#identity = init.identity
    this.#clock = init.clock ?? systemClock
    this.#gate = init.gate ?? new ConnectionGate({ clock: this.#clock })
  }

  async listen(addresses: readonly ListenAddress[], onChannel: (channel: Channel) => void): Promise<readonly Endpoint[]> {
    const module = await loadNodeModule()
    const { node, ports } = await this.#start(module, addresses)
    for (const protocol of PROTOCOLS) {
      const handler = (stream: Stream, connection: Connection): void => {
        const channel = this.#accept(module, stream, connection, protocol)
        if (channel === undefined) stream.abort(new Error('not an Ed25519 peer, or one with too many channels'))
        else onChannel(channel)
      }
      await node.handle(protocol, handler, {
        maxInboundStreams: module.MAX_STREAMS,
        maxOutboundStreams: module.MAX_STREAMS,
        runOnLimitedConnection: true,
      })
    }
    this.#dialer ??= Promise.resolve(node)
    return addresses.map(({ host }, index) => ({ kind: this.kind, host, port: ports[index] ?? 0 }))
  }

  dial(target: DialTarget, protocol: Protocol, signal: AbortSignal): Promise<Channel> {
    return dialWithin(target.endpoint, signal, this.#clock, async (within) => {
      const module = await loadNodeModule()
      const node = await this.#dialingNode(module)
      within.throwIfAborted()
      const address = module.toMultiaddr(target.endpoint.host, target.endpoint.port, target.peer)
      try {
        const connection = await node.dial(address, { signal: within })
        const stream = await connection.newStream(protocol, {
          signal: within,
          maxOutboundStreams: module.MAX_STREAMS,
          runOnLimitedConnection: true,
        })
        const channel = this.#open(module, stream, connection, protocol)
        if (channel !== undefined) return channel
        stream.abort(new Error('not an Ed25519 peer'))
      } catch (error) {
        const found = module.unexpectedPeer(error)
        throw found === undefined ? error : wrongPeer(target.endpoint, target.peer ?? 'a peer', found)
      }
      throw wrongPeer(target.endpoint, target.peer ?? 'a peer', 'not an Ed25519 peer')
    })
  }

  async stop(): Promise<void> {
    await this.#connections.stop()
    await this.#dialer?.catch(() => undefined)
    const nodes = [...this.#nodes]
    this.#nodes.clear()
    await Promise.all(nodes.map(async (node) => node.stop()))
  }

  #dialingNode(module: NodeModule): Promise<Libp2p> {
    if (this.#dialer === undefined) {
      const starting = this.#start(module, []).then(({ node }) => node)
      this.#dialer = starting
      starting.catch(() => (this.#dialer = undefined))
    }
    return this.#dialer
  }

  async #start(module: NodeModule, addresses: readonly ListenAddress[]): ReturnType<NodeModule['startNode']> {
    if (this.#connections.isStopped) throw stoppedError()
    const started = await module.startNode(this.#identity, addresses, this.#gate)
    if (this.#connections.isStopped) {
      await started.node.stop()
      throw stoppedError()
    }
    this.#nodes.add(started.node)
    return started
  }

  #accept(module: NodeModule, stream: Stream, connection: Connection, protocol: Protocol): Channel | undefined {
    const peer = connection.remotePeer.toString()
    const leave = isPeerId(peer) ? this.#gate.channel(peer) : undefined
    return leave === undefined ? undefined : this.#open(module, stream, connection, protocol, leave)
  }

  #open(module: NodeModule, stream: Stream, connection: Connection, protocol: Protocol, leave?: () => void): Channel | undefined {
    const remotePeer = connection.remotePeer.toString()
    if (!isPeerId(remotePeer)) return undefined
    const channel = new FramedChannel({
      link: new module.StreamLink(stream),
      kind: 'libp2p',
      protocol,
      remotePeer: remotePeer satisfies PeerId,
      remoteAddress: module.remoteAddressOf(connection),
      clock: this.#clock,
      onFinished: (finished) => {
        leave?.()
        this.#connections.removeChannel(finished)
        if (connection.direction === 'outbound') this.#closeWhenUnused(connection)
      },
    })
    this.#connections.addChannel(channel)
    return channel
  }

  /** libp2p itself would keep the connection for ever. */
  #closeWhenUnused(connection: Connection): void {
    this.#clock.after(LINGER_MS, () => {
      const isUsed = connection.streams.some(({ protocol }) => PROTOCOLS.some((ours) => ours === protocol))
      if (!isUsed && connection.status === 'open') connection.close().catch(closeFailed(connection))
    })
  }
}

function closeFailed(connection: Connection): (error: unknown) => void {
  return (error) => connection.abort(new DamselflyError('CHANNEL_CLOSED', 'the connection did not close', { cause: error }))
}
