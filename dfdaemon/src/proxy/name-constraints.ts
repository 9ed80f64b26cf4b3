import { isIP } from 'node:net'
import { unbracketed } from '@damselfly/cdn'
import type { NameConstraints } from '@damselfly/exchange/authority'

/** @returns undefined when the hosts cannot be told beforehand, as with `*` or a network */
export function nameConstraints(hosts: readonly string[]): NameConstraints | undefined {
  const names = hosts.map((host) => unbracketed(host.toLowerCase().replace(/^(\[.*\]|[^:]*):\d+$/, '$1')).replace(/^\*\./, ''))
  if (names.some((name) => /[*/]/.test(name))) return undefined
  const distinct = [...new Set(names)].toSorted()
  return { domains: distinct.filter((name) => isIP(name) === 0), addresses: distinct.filter((name) => isIP(name) !== 0) }
}

/** @param made undefined: no constraints */
export function covers(made: NameConstraints | undefined, wanted: NameConstraints | undefined): boolean {
  if (made === undefined) return true
  if (wanted === undefined) return false
  const isBelow = (name: string): boolean => made.domains.some((domain) => name === domain || name.endsWith(`.${domain}`))
  return wanted.domains.every(isBelow) && wanted.addresses.every((address) => made.addresses.includes(address))
}
