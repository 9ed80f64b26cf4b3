import { isIPv6 } from 'node:net'
import type { ChannelKind } from '../channel/channel.ts'
import { isLoopback } from '../channel/listen-addresses.ts'
import type { Endpoint } from '../channel/transport.ts'

/**
 * The least that a side accepts for its lanes: `plain` anything; `auto` plain TCP within one machine and
 * encrypted channels between machines; `tls` any encrypted channel; `noise` libp2p only. Of two sides the
 * stricter wins.
 */
export const SECURITY_POLICIES = ['plain', 'auto', 'tls', 'noise'] as const
export type SecurityPolicy = (typeof SECURITY_POLICIES)[number]

export function isSecurityPolicy(text: string): text is SecurityPolicy {
  return SECURITY_POLICIES.some((policy) => policy === text)
}

/** Kinds of channels, the cheapest first, with the strictest policy that still allows each. */
const ALLOWED_BY: readonly (readonly [ChannelKind, SecurityPolicy])[] = [
  ['plain', 'auto'],
  ['direct', 'tls'],
  ['libp2p', 'noise'],
]

/** The kinds that a side with this policy offers and dials, the cheapest first; plain ones perhaps only at loopback. */
export function kindsOf(policy: SecurityPolicy): readonly ChannelKind[] {
  return ALLOWED_BY.filter(([kind]) => isEnough(policy, kind)).map(([kind]) => kind)
}

/** Whether a policy lets a channel of this kind go to that host. */
export function allows(policy: SecurityPolicy, kind: ChannelKind, host: string): boolean {
  if (!isEnough(policy, kind)) return false
  // What stays on the machine passes nobody who could read or change it without owning the machine.
  return kind !== 'plain' || policy === 'plain' || isLoopback(host)
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
  const policy = stricterOf(own, theirs)
  return kindsOf(policy).flatMap((kind) =>
    alternateFamilies(endpoints.filter((one) => one.kind === kind && allows(policy, kind, one.host))),
  )
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

export function stricterOf(one: SecurityPolicy, other: SecurityPolicy): SecurityPolicy {
  return strictness(one) > strictness(other) ? one : other
}

function strictness(policy: SecurityPolicy): number {
  return SECURITY_POLICIES.indexOf(policy)
}

function isEnough(policy: SecurityPolicy, kind: ChannelKind): boolean {
  return ALLOWED_BY.some(([one, strictest]) => one === kind && strictness(strictest) >= strictness(policy))
}
