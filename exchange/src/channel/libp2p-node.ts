import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection, Listener } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { yamux } from '@libp2p/yamux'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { isIPv4, isIPv6 } from 'node:net'
import type { PeerId } from '@damselfly/shared'
import type { Identity } from '../identity/identity.ts'
import { formatAddress, plainHost } from './address.ts'
import type { ConnectionGate } from './connection-gate.ts'
import { listenError } from './connections.ts'
import { bulkTcp } from './libp2p-tcp.ts'
import { noiseCrypto } from './noise-crypto.ts'
import type { ListenAddress } from './transport.ts'

export { StreamLink } from './stream-link.ts'

const MIB = 1024 * 1024

/** Both ends must begin with the same window; 4 MiB keep a fast or far lane full; bytes. */
const STREAM_WINDOW = 4 * MIB

/** A paused stream whose window is larger than this is aborted, so it has room for the window twice; bytes. */
const READ_BUFFER = 8 * MIB

/** Streams of one connection, beyond what one peer may have as channels; each may fill its window before anybody reads. */
export const MAX_STREAMS = 128

const MAX_PENDING_INBOUND = 256

/** A stall of the event loop must not end a bulk transfer; milliseconds. */
const PING = { interval: 60_000, minTimeout: 30_000, maxTimeout: 60_000 }

/** A libp2p node over TCP, Noise and yamux. It does not listen when there are no addresses. */
export async function startNode(
  identity: Identity,
  addresses: readonly ListenAddress[],
  gate: ConnectionGate,
): Promise<{ readonly node: Libp2p; readonly ports: readonly number[] }> {
  const node = await createLibp2p({
    start: false,
    privateKey: privateKeyFromProtobuf(identity.privateKeyProtobuf),
    addresses: { listen: addresses.map((address) => toMultiaddr(address.host, address.port, undefined).toString()) },
    transports: [bulkTcp(gate)],
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [
      yamux({
        enableKeepAlive: true,
        maxInboundStreams: MAX_STREAMS,
        maxOutboundStreams: MAX_STREAMS,
        streamOptions: {
          initialStreamWindowSize: STREAM_WINDOW,
          maxStreamWindowSize: STREAM_WINDOW,
          maxReadBufferLength: READ_BUFFER,
        },
      }),
    ],
    services: { identify: identify(), ping: ping() },
    connectionManager: {
      maxConnections: gate.limits.connections,
      maxIncomingPendingConnections: MAX_PENDING_INBOUND,
      inboundConnectionThreshold: MAX_PENDING_INBOUND,
      reconnectRetries: 0,
    },
    connectionMonitor: {
      pingInterval: PING.interval,
      pingTimeout: { minTimeout: PING.minTimeout, maxTimeout: PING.maxTimeout },
    },
  })
  const listeners: Listener[] = []
  const listening = (event: CustomEvent<Listener>): void => void listeners.push(event.detail)
  node.addEventListener('transport:listening', listening)
  try {
    await node.start()
  } catch (error) {
    await node.stop()
    throw nodeListenError(error, addresses)
  } finally {
    node.removeEventListener('transport:listening', listening)
  }
  return { node, ports: boundPorts(addresses, listeners) }
}

export function toMultiaddr(host: string, port: number, peer: PeerId | undefined): Multiaddr {
  const suffix = peer === undefined ? '' : `/p2p/${peer}`
  return multiaddr(`${hostPart(host)}/tcp/${port}${suffix}`)
}

/** `host:port` of the other side. */
export function remoteAddressOf(connection: Connection): string {
  const parts = connection.remoteAddr.getComponents()
  const host = parts.find(({ name }) => name === 'ip4' || name === 'ip6' || name.startsWith('dns'))?.value ?? ''
  const port = parts.find(({ name }) => name === 'tcp')?.value ?? '0'
  return formatAddress(plainHost(host), Number(port))
}

/** Noise's words for a wrong key; of its error libp2p keeps nothing but the message. */
const WRONG_KEY = /identity key (\S+) does not match expected remote identity key/

/** Who answered a dial in place of the expected peer, if that is why it failed. */
export function unexpectedPeer(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const found = WRONG_KEY.exec(error.message)?.[1]
  if (found !== undefined) return found
  if (!(error instanceof AggregateError)) return unexpectedPeer(error.cause)
  return error.errors.map(unexpectedPeer).find((peer) => peer !== undefined)
}

function hostPart(host: string): string {
  if (isIPv4(host)) return `/ip4/${host}`
  if (!isIPv6(host)) return `/dns/${host}`
  const [address, zone] = host.split('%')
  return zone === undefined ? `/ip6/${address}` : `/ip6zone/${zone}/ip6/${address}`
}

/** Exact addresses find their listener by it; a wildcard gets one that is left over of its family. */
function boundPorts(addresses: readonly ListenAddress[], listeners: readonly Listener[]): readonly number[] {
  const left = new Set(listeners)
  const take = (fits: (listener: Listener) => boolean): number => {
    const listener = [...left].find(fits)
    if (listener === undefined) return 0
    left.delete(listener)
    return Number(listener.getAddrs()[0]?.getComponents().find(({ name }) => name === 'tcp')?.value ?? 0)
  }
  const ports = new Map<ListenAddress, number>()
  const exactFirst = addresses.toSorted((a, b) => Number(isWildcard(a.host)) - Number(isWildcard(b.host)))
  for (const address of exactFirst) {
    const prefix = isWildcard(address.host) ? (isIPv4(address.host) ? '/ip4/' : '/ip6/') : `${hostPart(address.host)}/`
    ports.set(address, address.port === 0 ? take((one) => startsWith(one, prefix)) : address.port)
  }
  return addresses.map((address) => ports.get(address) ?? 0)
}

function startsWith(listener: Listener, prefix: string): boolean {
  return listener.getAddrs().some((address) => address.toString().startsWith(prefix))
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** libp2p tells what it could not listen on in one text, one address after the other. */
function nodeListenError(error: unknown, addresses: readonly ListenAddress[]): unknown {
  const text = error instanceof Error ? error.message : ''
  const failed = addresses.find(({ host, port }) => text.includes(`${toMultiaddr(host, port, undefined).toString()}: `))
  if (failed === undefined) return error
  const code = text.includes('EADDRINUSE') ? 'EADDRINUSE' : 'EINVAL'
  return listenError(Object.assign(new Error(text.trim(), { cause: error }), { code }), failed)
}
