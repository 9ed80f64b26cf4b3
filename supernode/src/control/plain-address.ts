import { plainHost } from '@damselfly/exchange'

/** An address as it is compared: an IPv4 address as such where a socket for both kinds shows it, and without a zone. */
export function plainAddress(address: string): string {
  return plainHost(address.replace(/%.*$/, ''))
}
