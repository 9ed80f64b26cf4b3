import ipaddr from 'ipaddr.js'
import { DamselflyError } from '@damselfly/shared'
import { carriedIPv4, parseAddress } from './public-address.ts'

/** One entry of a list of origins: which hosts or addresses it means. */
export interface OriginRule {
  /** @param host as in a URL, without brackets */
  matchesHost(host: string, port: number): boolean
  matchesAddress(address: ipaddr.IPv4 | ipaddr.IPv6, port: number): boolean
}

const HOST_GLOB = /^[a-z0-9*_.-]+$/i
const WITH_PORT = /^(?<host>\[[^\]]+\]|[^:]+):(?<port>\d{1,5})$/

/**
 * Reads `host`, `*.corp.example`, `10.0.0.0/8`, `fd00::/8`, `192.168.1.7`, or one of them except a
 * network with a port behind it (`nas.local:8080`, `[::1]:8080`).
 *
 * @throws DamselflyError CONFIG_INVALID
 */
export function parseOriginRule(text: string): OriginRule {
  if (text.includes('/')) return networkRule(text)
  const withPort = WITH_PORT.exec(text)?.groups
  const host = unbracketed(withPort?.['host'] ?? text)
  const port = withPort?.['port'] === undefined ? undefined : Number(withPort['port'])
  const address = parseAddress(host)
  if (address !== undefined) return addressRule(address, port)
  if (!HOST_GLOB.test(host)) throw notARule(text)
  return hostRule(host, port)
}

/** Whether the rule means this host as the URL writes it; where a name leads to does not count. */
export function meansOrigin(rule: OriginRule, host: string, port: number): boolean {
  const address = parseAddress(host)
  return address === undefined ? rule.matchesHost(host, port) : rule.matchesAddress(address, port)
}

export function unbracketed(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

function networkRule(text: string): OriginRule {
  if (!ipaddr.isValidCIDR(text)) throw notARule(text)
  const network = ipaddr.parseCIDR(text)
  return {
    matchesHost: () => false,
    matchesAddress: (address) => formsOf(address).some((form) => form.kind() === network[0].kind() && form.match(network)),
  }
}

function addressRule(allowed: ipaddr.IPv4 | ipaddr.IPv6, port: number | undefined): OriginRule {
  const wanted = allowed.toNormalizedString()
  return {
    matchesHost: () => false,
    matchesAddress: (address, at) =>
      (port === undefined || port === at) && formsOf(address).some((form) => form.toNormalizedString() === wanted),
  }
}

function hostRule(glob: string, port: number | undefined): OriginRule {
  const source = glob.split('*').map((part) => part.replaceAll('.', '\\.')).join('.*')
  const pattern = new RegExp(`^${source}$`, 'i')
  return {
    matchesHost: (host, at) => (port === undefined || port === at) && pattern.test(host),
    matchesAddress: () => false,
  }
}

function formsOf(address: ipaddr.IPv4 | ipaddr.IPv6): readonly (ipaddr.IPv4 | ipaddr.IPv6)[] {
  const carried = carriedIPv4(address)
  return carried === undefined ? [address] : [address, carried]
}

function notARule(text: string): DamselflyError {
  return new DamselflyError('CONFIG_INVALID', `'${text}' names no origin: give a host, *.domain, an address or a network`)
}
