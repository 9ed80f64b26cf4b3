import { isIP } from 'node:net'
import type { IncomingHttpHeaders } from 'node:http'
import { plainHost } from '@damselfly/exchange'
import { Networks } from '../control/networks.ts'

/** The header in which proxies tell where a request came from; only what the proxy itself writes may be believed. */
export const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded'] as const
export type ForwardingHeader = (typeof FORWARDING_HEADERS)[number]

/** Proxies that a request may have passed; what stands before so many is not read. */
const MOST_HOPS = 32

/** Proxies whose word counts on where a request comes from. */
export class TrustedProxies {
  readonly #networks: Networks
  readonly #header: ForwardingHeader

  /** @param networks addresses and networks, such as `10.0.0.0/8` @throws Error when one of them is none */
  constructor(networks: readonly string[], header: ForwardingHeader) {
    this.#networks = new Networks(networks)
    this.#header = header
  }

  /** Whether it is one of them. */
  has(address: string): boolean {
    return this.#networks.has(plainHost(address))
  }

  /**
   * Where a request comes from: the last hop that is not a trusted proxy. What stands before that in the header anybody may
   * have written; where a proxy names no address, the request counts as the proxy's own.
   *
   * @param remote the other end of the connection
   */
  clientOf(remote: string, headers: IncomingHttpHeaders): string {
    let address = remote
    if (!this.has(address)) return address
    const written = headers[this.#header]
    const hops = (Array.isArray(written) ? written.join(',') : (written ?? '')).split(',').slice(-MOST_HOPS)
    for (const hop of hops.toReversed()) {
      const before = this.#header === 'forwarded' ? forOf(hop) : addressOf(hop)
      if (before === undefined) return address
      address = before
      if (!this.has(address)) return address
    }
    return address
  }
}

/** What `for=` says in one element of Forwarded (RFC 7239). */
function forOf(element: string): string | undefined {
  const pair = element.split(';').map((text) => text.trim()).find((text) => /^for=/i.test(text))
  return pair === undefined ? undefined : addressOf(pair.slice('for='.length).replace(/^"(.*)"$/, '$1'))
}

/** An address that may have a port; undefined for names, `unknown` and whatever else is none. */
function addressOf(text: string): string | undefined {
  const trimmed = text.trim()
  const inBrackets = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(trimmed)?.[1]
  const plain = inBrackets ?? (isIP(trimmed) === 0 ? trimmed.replace(/:\d{1,5}$/, '') : trimmed)
  return isIP(plain) === 0 ? undefined : plainHost(plain)
}
