import {
  transportSymbol,
  TypedEventEmitter,
  type ComponentLogger,
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  type ListenerEvents,
  type Logger,
  type Transport,
  type Upgrader,
} from '@libp2p/interface'
import { getNetConfig, getThinWaistAddresses, ipPortToMultiaddr } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { ConnectionGate } from './connection-gate.ts'
import { SocketConnection } from './libp2p-socket.ts'
import { ReadRing } from './read-ring.ts'
import { KEEP_ALIVE_MS } from './socket-link.ts'

/** What may wait for a socket before senders are held back; bytes. */
const HIGH_WATER_MARK = 256 * 1024

/** Noise's largest record, with its length before it; bytes. */
const RECORD_BYTES = 2 + 65_535

const OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, highWaterMark: HIGH_WATER_MARK } as const

/**
 * TCP for libp2p, made for bulk. The library's own reads into fresh memory, and sends the length, the bytes and the tag of
 * each record apart; both cost more than the encryption.
 */
export function bulkTcp(gate: ConnectionGate): (components: { readonly logger: ComponentLogger }) => Transport {
  return ({ logger }) => new BulkTcp(logger, gate)
}

class BulkTcp implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = 'damselfly/tcp'
  readonly #log: Logger
  readonly #gate: ConnectionGate

  constructor(logger: ComponentLogger, gate: ConnectionGate) {
    this.#log = logger.forComponent('damselfly:tcp')
    this.#gate = gate
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const ring = new ReadRing(RECORD_BYTES)
    const socket = await connected(address, ring, options.signal)
    const connection = new SocketConnection({ socket, ring, direction: 'outbound', remoteAddr: address, log: this.#log })
    try {
      return await options.upgrader.upgradeOutbound(connection, options)
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  createListener({ upgrader }: CreateListenerOptions): Listener {
    return new BulkTcpListener(upgrader, this.#log, this.#gate)
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(isTcp)
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(isTcp)
  }
}

class BulkTcpListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #upgrader: Upgrader
  readonly #log: Logger
  readonly #gate: ConnectionGate
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #closing = new AbortController()
  #address: Multiaddr | undefined

  constructor(upgrader: Upgrader, log: Logger, gate: ConnectionGate) {
    super()
    this.#upgrader = upgrader
    this.#log = log
    this.#gate = gate
    this.#server = createServer(OPTIONS, (socket) => void this.#accept(socket))
    this.#server.on('close', () => this.safeDispatchEvent('close'))
  }

  async listen(address: Multiaddr): Promise<void> {
    const { host, port } = hostAndPort(address)
    // Without `ipv6Only: false` the wildcard `::` would not take IPv4 too.
    this.#server.listen({ host, port, ipv6Only: false })
    await once(this.#server, 'listening')
    // An accept that fails (no file descriptors left) is the connecting side's loss, not ours.
    this.#server.on('error', () => undefined)
    this.#address = address
    this.safeDispatchEvent('listening')
  }

  getAddrs(): Multiaddr[] {
    const bound = this.#server.address()
    return typeof bound === 'object' && bound !== null ? getThinWaistAddresses(this.#address, bound.port) : []
  }

  updateAnnounceAddrs(): void {}

  async close(): Promise<void> {
    this.#closing.abort(new Error('this side has stopped'))
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #accept(socket: Socket): Promise<void> {
    const { remoteAddress, remotePort } = socket
    const entry = this.#gate.enter(remoteAddress ?? '')
    if (remoteAddress === undefined || remotePort === undefined || entry === undefined) {
      entry?.left()
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      entry.left()
    })
    const remoteAddr = ipPortToMultiaddr(remoteAddress, remotePort)
    const connection = new SocketConnection({ socket, direction: 'inbound', remoteAddr, log: this.#log })
    try {
      await this.#upgrader.upgradeInbound(connection, { signal: this.#closing.signal })
      entry.proved()
    } catch (error) {
      // Whoever does not get through the handshake is nobody to us.
      connection.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

async function connected(address: Multiaddr, ring: ReadRing, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const socket = connect({ ...OPTIONS, ...hostAndPort(address), onread: ring.onread })
  try {
    await once(socket, 'connect', { signal })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function hostAndPort(address: Multiaddr): { readonly host: string; readonly port: number } {
  const config = getNetConfig(address)
  const zone = 'zone' in config && config.zone !== undefined ? `%${config.zone}` : ''
  return { host: `${config.host}${zone}`, port: config.port ?? 0 }
}

function isTcp(address: Multiaddr): boolean {
  return /^(\/ip6zone\/[^/]+)?\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+(\/p2p\/\w+)?$/.test(address.toString())
}
