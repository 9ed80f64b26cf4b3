import { localNetworkOf } from '../control/local-network.ts'
import { plainAddress } from '../control/plain-address.ts'

/** What one customer of a provider has as a rule: an IPv4 address, or a network of 64 bits of IPv6. */
export function addressGroup(address: string): string {
  const plain = plainAddress(address)
  return plain.includes(':') ? localNetworkOf(plain) || plain : plain
}
