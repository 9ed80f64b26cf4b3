import { isIP } from 'node:net'
import { isLoopback, networkOf } from '@damselfly/exchange'
import { plainAddress } from './plain-address.ts'

/**
 * The local network that an address belongs to, as far as the address tells: peers of the same name are taken to reach each
 * other without a way through the internet. Behind one public IPv4 address stand those whom it translates; an IPv6 network
 * of 64 bits, and 24 bits of a private IPv4 network, are one link as a rule.
 *
 * @returns empty where nothing can be said
 */
export function localNetworkOf(address: string): string {
  const plain = plainAddress(address)
  if (isLoopback(plain)) return 'loopback'
  switch (isIP(plain)) {
    case 4:
      return isPrivate(plain) ? `${plain.slice(0, plain.lastIndexOf('.'))}.0/24` : plain
    case 6:
      return networkOfIPv6(plain)
    default:
      return ''
  }
}

/** RFC 1918, and link-local addresses. */
function isPrivate(address: string): boolean {
  return /^(?:10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.)/.test(address)
}

function networkOfIPv6(address: string): string {
  const network = networkOf(address)
  // Every host has the same link-local network, wherever it is.
  return /^fe[89ab]/.test(network) ? '' : network
}
