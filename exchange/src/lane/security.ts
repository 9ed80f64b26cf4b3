import { isIPv6 } from 'node:net'
import type { ChannelKind } from '../channel/channel.ts'
import type { Endpoint } from '../channel/transport.ts'

/**
 * The least that a side accepts for its lanes: `plain` anything, `tls` any encrypted channel,
 * `noise` libp2p only. Of two sides the stricter wins.
 */
export const SECURITY_POLICIES = ['plain', 'tls', 'noise'] as const
export type SecurityPolicy = (typeof SECURITY_POLICIES)[number]

export function isSecurityPolicy(text: string): text is SecurityPolicy {
  return SECURITY_POLICIES.some((policy) => policy === text)
}

/** Kinds of channels, the cheapest first, with the strictest policy that still allows each. */
const ALLOWED_BY: readonly (readonly [ChannelKind, SecurityPolicy])[] = [
  ['plain', 'plain'],
  ['direct', 'tls'],
  ['libp2p', 'noise'],
]

/** The kinds that both sides allow, the cheapest first. */
export function allowedKinds(own: SecurityPolicy, theirs: SecurityPolicy): readonly ChannelKind[] {
  const least = Math.max(strictness(own), strictness(theirs))
  return ALLOWED_BY.filter(([, policy]) => strictness(policy) >= least).map(([kind]) => kind)
}

/**
 * The endpoints to try, best first: by kind, and within a kind IPv6 and IPv4 in turns, so
 * that a family that does not work costs one attempt only.
 */
export function usableEndpoints(
  endpoints: readonly Endpoint[],
  own: SecurityPolicy,
  theirs: SecurityPolicy,
): readonly Endpoint[] {
  return allowedKinds(own, theirs).flatMap((kind) => alternateFamilies(endpoints.filter((one) => one.kind === kind)))
}

function alternateFamilies(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const [first] = endpoints
  if (first === undefined) return []
  const isLike = (endpoint: Endpoint): boolean => isIPv6(endpoint.host) === isIPv6(first.host)
  const same = endpoints.filter(isLike)
  const other = endpoints.filter((endpoint) => !isLike(endpoint))
  return same
    .flatMap((endpoint, index) => [endpoint, ...other.slice(index, index + 1)])
    .concat(other.slice(same.length))
}

function strictness(policy: SecurityPolicy): number {
  return SECURITY_POLICIES.indexOf(policy)
}
