import { networkInterfaces } from 'node:os'
import type { OriginPolicy } from '@damselfly/cdn'
import {
  bindableAddresses,
  isLoopback,
  listenAddresses,
  LOOPBACK_ADDRESSES,
  parseSupernodeAddress,
  type Interfaces,
  type SupernodeAddress,
} from '@damselfly/exchange'
import type { MirrorSettings } from '../mirror/mirror.ts'
import type { PeerListen } from '../peer/peer-network.ts'
import type { ProxySettings } from '../proxy/proxy.ts'
import type { DaemonConfig } from './config.ts'

const EVERY_NETWORK = ['0.0.0.0/0', '::/0']

/** The listeners that the configuration asks for. */
export function peerListen(
  { listen, supernodes, security }: Pick<DaemonConfig, 'listen' | 'supernodes' | 'security'>,
  interfaces: Interfaces = networkInterfaces(),
): PeerListen {
  const hosts = listen.addresses.length > 0 ? listen.addresses : usualAddresses(supernodes, interfaces)
  const ports = { plain: listen.plainPort, direct: listen.directPort, libp2p: listen.libp2pPort }
  return listenAddresses(security, hosts, ports, interfaces)
}

export function supernodeAddresses(supernodes: readonly string[]): SupernodeAddress[] {
  return supernodes.map(parseSupernodeAddress)
}

export function originPolicy(origins: DaemonConfig['origins']): OriginPolicy {
  return {
    allow: origins.private === 'allow' ? [...origins.allow, ...EVERY_NETWORK] : origins.allow,
    trustRequestedHost: origins.private === 'requested',
  }
}

/** @returns undefined when there is to be no mirror */
export function mirrorSettings(mirror: DaemonConfig['mirror']): MirrorSettings | undefined {
  const { enabled, address, port, defaultRegistry, tagMemory, staleIfError, accessMemory, readAhead, stallTimeout, maxConnections } = mirror
  if (!enabled) return undefined
  return {
    host: address,
    port,
    usual: defaultRegistry,
    tagMemoryMs: tagMemory,
    staleIfErrorMs: staleIfError,
    accessMemoryMs: accessMemory,
    readAhead,
    maxConnections,
    stallMs: stallTimeout,
  }
}

/** @returns undefined when there is to be no proxy */
export function proxySettings(proxy: DaemonConfig['proxy']): ProxySettings | undefined {
  const { enabled, address, idleTimeout, ...same } = proxy
  return enabled ? { ...same, host: address, idleMs: idleTimeout } : undefined
}

/** Other peers reach this host only where its supernode does. */
function usualAddresses(supernodes: readonly string[], interfaces: Interfaces): string[] {
  const allLocal = supernodeAddresses(supernodes).every(({ host }) => isLoopback(host))
  if (allLocal) return bindableAddresses(LOOPBACK_ADDRESSES, interfaces)
  const local = Object.values(interfaces).flatMap((entries) => entries ?? [])
  return [local.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0']
}
