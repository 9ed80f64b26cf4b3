import { isIP } from 'node:net'
import { networkOf } from '@damselfly/exchange'
import { localNetworkOf } from './local-network.ts'
import { plainAddress } from './plain-address.ts'

/**
 * Who may stand behind a peer, as far as its address tells: whoever has one public address often has its neighbours too,
 * and a host in a private network as many identities as it likes.
 *
 * @returns a name that peers of one party share
 */
export function partyOf(address: string): string {
  const plain = plainAddress(address)
  if (isIP(plain) === 6) return networkOf(plain)
  const isPublic = localNetworkOf(plain) === plain
  return isPublic && isIP(plain) === 4 ? `${plain.slice(0, plain.lastIndexOf('.'))}.0/24` : plain
}
