import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { plainHost } from './address.ts'
import type { Endpoint } from './transport.ts'

/** Whether a host is this machine itself. */
export function isLoopback(host: string): boolean {
  const address = plainHost(host)
  return address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'))
}

/** Where this machine reaches itself. */
export const LOOPBACK_ADDRESSES: readonly string[] = ['127.0.0.1', '::1']

/** Stand for every address of the machine. */
export const UNSPECIFIED_ADDRESSES: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** As `networkInterfaces()` of `node:os` gives them. */
export type Interfaces = ReturnType<typeof networkInterfaces>

/** The addresses that can be bound here: an IPv6 loopback that the machine lacks is left out, what was asked for is not. */
export function bindableAddresses(addresses: readonly string[], interfaces: Interfaces = networkInterfaces()): string[] {
  const local = new Set(Object.values(interfaces).flatMap((entries) => (entries ?? []).map((entry) => entry.address)))
  return addresses.filter((address) => address !== '::1' || local.has('::1'))
}

/** Whether only this machine can reach the addresses. */
export function isLoopbackOnly(addresses: readonly string[]): boolean {
  return addresses.every(isLoopback)
}

/**
 * Where peers are told to come.
 *
 * @param bound what is really listened on
 * @param advertise names or addresses that the operator gives instead; may be empty
 */
export function advertisedEndpoints(
  bound: readonly Endpoint[],
  advertise: readonly string[],
  interfaces: Interfaces = networkInterfaces(),
): Endpoint[] {
  const endpoints = bound.flatMap(({ kind, host, port }) => {
    const hosts = advertise.length > 0 ? advertise : UNSPECIFIED_ADDRESSES.has(host) ? machineAddresses(host, interfaces) : [host]
    return hosts.map((name) => ({ kind, host: name, port }))
  })
  return uniqueEndpoints(endpoints)
}

/** What others can reach; on a machine without a network, itself. */
function machineAddresses(unspecified: string, interfaces: Interfaces): string[] {
  const entries = Object.values(interfaces).flatMap((list) => list ?? [])
  const usable = entries.filter(({ family, address, internal }) => {
    const isReached = unspecified === '::' || family === 'IPv4'
    return !internal && isReached && !address.startsWith('fe80:')
  })
  return usable.length > 0 ? usable.map(({ address }) => address) : ['127.0.0.1']
}

function uniqueEndpoints(endpoints: readonly Endpoint[]): Endpoint[] {
  const byText = new Map(endpoints.map((endpoint) => [`${endpoint.kind} ${endpoint.host} ${endpoint.port}`, endpoint]))
  return [...byText.values()]
}
