import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { connect as connectTcp, isIP, type LookupFunction, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls, getCACertificates } from 'node:tls'
import type { OriginGate } from './origin-policy.ts'
import { meansOrigin, parseOriginRule, unbracketed } from './origin-rule.ts'

export interface ConnectorInit {
  /** PEM certificates that are trusted besides the usual ones. */
  readonly ca: readonly string[]
  /** Origins, named as by `parseOriginRule`, whose TLS certificate is not verified. */
  readonly insecure: readonly string[]
  /** Certificates to show to origins, each to its own only. */
  readonly identities: readonly OriginIdentity[]
  readonly lookup: LookupFunction | undefined
}

/** Who we are to one origin; PEM. */
export interface OriginIdentity {
  /** As for `parseOriginRule`. */
  readonly origin: string
  readonly cert: string
  readonly key: string
}

/**
 * Begins to connect to the origin of a URL; the socket tells the rest.
 *
 * @throws DamselflyError ORIGIN_FORBIDDEN
 */
export type Connector = (url: URL, onread: OnReadOpts) => Socket

/** How long a connection may be silent before TCP asks whether the other host is still there; milliseconds. */
const KEEP_ALIVE_MS = 60_000

/**
 * Opens connections to origins. With a gate, an address is checked at the moment when it is
 * connected to: a name that answers differently the next time gains nothing.
 */
export function createConnector(init: ConnectorInit, gate: OriginGate | undefined): Connector {
  const ca = init.ca.length === 0 ? undefined : [...getCACertificates('default'), ...init.ca]
  const insecure = init.insecure.map(parseOriginRule)
  const identities = init.identities.map(({ origin, cert, key }) => ({ rule: parseOriginRule(origin), cert, key }))
  const lookup = init.lookup ?? systemLookup
  return (url, onread) => {
    const host = unbracketed(url.hostname)
    const port = portOf(url)
    const guarded = gate !== undefined && !gate.namesHost(host, port)
    if (guarded && isIP(host) !== 0 && !gate.admitsAddress(host, port)) throw gate.refusal(host, [host])
    const tcp = { host, port, onread, lookup: guarded ? guardLookup(lookup, gate, port) : lookup }
    const identity = identities.find(({ rule }) => meansOrigin(rule, host, port))
    const tls = {
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: !insecure.some((rule) => meansOrigin(rule, host, port)),
      // An address cannot be a server name.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...(identity === undefined ? {} : { cert: identity.cert, key: identity.key }),
    }
    const socket = url.protocol === 'https:' ? connectTls({ ...tcp, ...tls }) : connectTcp(tcp)
    return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
  }
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
}

/** Lets only those addresses through that the gate admits. */
export function guardLookup(lookup: LookupFunction, gate: OriginGate, port: number): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, [])
        return
      }
      const addresses = found as unknown as readonly LookupAddress[]
      const admitted = addresses.filter(({ address }) => gate.admitsAddress(address, port))
      const first = admitted[0]
      if (first === undefined) callback(gate.refusal(hostname, addresses.map(({ address }) => address)), [])
      else if (options.all === true) callback(null, admitted)
      else callback(null, first.address, first.family)
    })
  }
}
