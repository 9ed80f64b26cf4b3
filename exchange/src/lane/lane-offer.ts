import type { Endpoint, ListenAddress, Transport } from '../channel/transport.ts'
import { createDirectTransport, type SocketTransportInit } from '../channel/direct-transport.ts'
import { createLibp2pTransport } from '../channel/libp2p-transport.ts'
import {
  advertisedEndpoints,
  bindableAddresses,
  isLoopback,
  LOOPBACK_ADDRESSES,
  UNSPECIFIED_ADDRESSES,
  type Interfaces,
} from '../channel/listen-addresses.ts'
import { createPlainTransport } from '../channel/plain-transport.ts'
import type { ChannelKind } from '../channel/channel.ts'
import { kindsOf, type SecurityPolicy } from './security.ts'
import type { SecurityInForce } from './security-in-force.ts'

const CREATE: Readonly<Record<ChannelKind, (init: SocketTransportInit) => Transport>> = {
  plain: createPlainTransport,
  direct: createDirectTransport,
  libp2p: createLibp2pTransport,
}

/**
 * One for each kind of channel that a side may need, the cheapest first.
 *
 * @param own this side's policy; what the network demands above it is not known yet, and may change
 */
export function createTransports(
  own: SecurityPolicy,
  security: SecurityInForce,
  init: Omit<SocketTransportInit, 'ciphers'>,
): readonly Transport[] {
  const kinds = kindsOf(own).filter((kind) => security.canUse(kind))
  return kinds.map((kind) => CREATE[kind]({ ...init, ciphers: security.ciphers }))
}

/** In a program's configuration: every kind at any free port. */
export const ANY_PORTS = { directPort: 0, libp2pPort: 0, plainPort: 0 } as const

/**
 * Where a side with this policy listens for each kind; nowhere for kinds that it does not offer.
 *
 * @param hosts where it listens for other machines
 * @param ports TCP ports; 0: any free one
 */
export function listenAddresses(
  policy: SecurityPolicy,
  hosts: readonly string[],
  ports: Readonly<Record<ChannelKind, number>>,
  interfaces?: Interfaces,
): Readonly<Record<ChannelKind, readonly ListenAddress[]>> {
  const offered = kindsOf(policy)
  const at = (kind: ChannelKind, addresses: readonly string[]): ListenAddress[] =>
    offered.includes(kind) ? addresses.map((host) => ({ host, port: ports[kind] })) : []
  return {
    plain: at('plain', policy === 'auto' ? loopbackOf(hosts, interfaces) : hosts),
    direct: at('direct', hosts),
    libp2p: at('libp2p', hosts),
  }
}

/** What others are told. @param advertise names or addresses that the operator gives instead; may be empty */
export function offeredEndpoints(
  policy: SecurityPolicy,
  bound: readonly Endpoint[],
  advertise: readonly string[],
): readonly Endpoint[] {
  // Under any other name a plain lane of this policy could not be used.
  const isLocal = ({ kind }: Endpoint): boolean => policy === 'auto' && kind === 'plain'
  const open = bound.filter((endpoint) => !isLocal(endpoint))
  return [...bound.filter(isLocal), ...advertisedEndpoints(open, advertise)]
}

function loopbackOf(hosts: readonly string[], interfaces: Interfaces | undefined): readonly string[] {
  const isEvery = hosts.some((host) => UNSPECIFIED_ADDRESSES.has(host))
  return isEvery ? bindableAddresses(LOOPBACK_ADDRESSES, interfaces) : hosts.filter(isLoopback)
}
