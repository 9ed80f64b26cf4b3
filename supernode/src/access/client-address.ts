import { BlockList, isIP } from 'node:net'
import type { IncomingHttpHeaders } from 'node:http'
import { plainHost } from '@damselfly/exchange'

/** The header in which proxies tell where a request came from; only what the proxy itself writes may be believed. */
export const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded'] as const
export type ForwardingHeader = (typeof FORWARDING_HEADERS)[number]

/** Proxies that a request may have passed; what stands before so many is not read. */
const MOST_HOPS = 32

/** Proxies whose word counts on where a request comes from. */
export class TrustedProxies {
  readonly #networks: BlockList
  readonly #header: ForwardingHeader

  /** @param networks addresses and networks, such as `10.0.0.0/8` @throws Error when one of them is none */
  constructor(networks: readonly string[], header: ForwardingHeader) {
    this.#networks = new BlockList()
    this.#header = header
    for (const network of networks) addNetwork(this.#networks, network)
  }

  /** Whether it is one of them. */
  has(address: string): boolean {
    const plain = plainHost(address)
    const family = isIP(plain)
    return family !== 0 && this.#networks.check(plain, family === 6 ? 'ipv6' : 'ipv4')
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

/** An address, or a network by its prefix. @throws Error */
function addNetwork(list: BlockList, network: string): void {
  const [address = '', prefix, more] = network.split('/')
  const family = isIP(address)
  const bits = family === 6 ? 128 : 32
  const length = prefix === undefined ? bits : Number(prefix)
  const isNumber = prefix === undefined || /^\d{1,3}$/.test(prefix)
  if (family === 0 || !isNumber || length > bits || more !== undefined) throw new Error(`'${network}' is no address or network`)
  list.addSubnet(address, length, family === 6 ? 'ipv6' : 'ipv4')
}

/** Whether it is an address or a network. */
export function isNetwork(text: string): boolean {
  try {
    addNetwork(new BlockList(), text)
    return true
  } catch {
    return false
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
