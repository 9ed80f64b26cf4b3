import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { OriginPolicy } from '@damselfly/cdn'
import { isLoopback, parseSupernodeAddress, type ListenAddress, type SupernodeAddress } from '@damselfly/exchange'
import type { PeerListen } from '../peer/peer-network.ts'
import type { DaemonConfig } from './config.ts'

const LOOPBACK = ['127.0.0.1', '::1']
const EVERY_NETWORK = ['0.0.0.0/0', '::/0']

type Interfaces = ReturnType<typeof networkInterfaces>

/** The listeners that the configuration asks for. */
export function peerListen(
  { listen, supernodes, security }: Pick<DaemonConfig, 'listen' | 'supernodes' | 'security'>,
  interfaces: Interfaces = networkInterfaces(),
): PeerListen {
  const hosts = listen.addresses.length > 0 ? listen.addresses : usualAddresses(supernodes, interfaces)
  const at = (port: number): ListenAddress[] => hosts.map((host) => ({ host, port }))
  return {
    direct: security === 'noise' ? [] : at(listen.directPort),
    libp2p: at(listen.libp2pPort),
    plain: security === 'plain' ? at(listen.plainPort) : [],
  }
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

/** Other peers reach this host only where its supernode does. */
function usualAddresses(supernodes: readonly string[], interfaces: Interfaces): string[] {
  const local = Object.values(interfaces).flatMap((entries) => entries ?? [])
  const hasIPv6 = local.some(({ family }) => family === 'IPv6')
  const allLocal = supernodeAddresses(supernodes).every(({ host }) => isLoopback(host))
  if (!allLocal) return [hasIPv6 ? '::' : '0.0.0.0']
  return LOOPBACK.filter((address) => isIP(address) === 4 || hasIPv6)
}
