import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import { buildConnector } from 'undici'
import type { OriginGate } from './origin-policy.ts'
import { parseOriginRule, type OriginRule } from './origin-rule.ts'
import { parseAddress } from './public-address.ts'

export interface ConnectorInit {
  /** Milliseconds for DNS, TCP and TLS together. */
  readonly connectTimeoutMs: number
  /** PEM certificates that are trusted besides the usual ones. */
  readonly ca: readonly string[]
  /** Origins, named as by `parseOriginRule`, whose TLS certificate is not verified. */
  readonly insecure: readonly string[]
  readonly lookup: LookupFunction | undefined
}

type Connector = ReturnType<typeof buildConnector>

/**
 * Opens connections to origins. With a gate, an address is checked at the moment when it is
 * connected to: a name that answers differently the next time gains nothing.
 */
export function createConnector(init: ConnectorInit, gate: OriginGate | undefined): Connector {
  const ca = init.ca.length === 0 ? undefined : [...getCACertificates('default'), ...init.ca]
  const insecure = init.insecure.map(parseOriginRule)
  const lookup = init.lookup ?? systemLookup
  return (options, callback) => {
    const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80)
    const guarded = gate !== undefined && !gate.namesHost(options.hostname, port)
    if (guarded && isIP(options.hostname) !== 0 && !gate.admitsAddress(options.hostname, port)) {
      callback(gate.refusal(options.hostname, [options.hostname]), null)
      return
    }
    const connect = buildConnector({
      timeout: init.connectTimeoutMs,
      allowH2: false,
      rejectUnauthorized: !insecure.some((rule) => names(rule, options.hostname, port)),
      lookup: guarded ? guardLookup(lookup, gate, port) : lookup,
      ...(ca === undefined ? {} : { ca }),
    })
    connect(options, callback)
  }
}

/** Whether the rule means this host as the URL writes it; where a name leads to does not count. */
function names(rule: OriginRule, host: string, port: number): boolean {
  const address = parseAddress(host)
  return address === undefined ? rule.matchesHost(host, port) : rule.matchesAddress(address, port)
}

/** Lets only those addresses through that the gate admits. */
function guardLookup(lookup: LookupFunction, gate: OriginGate, port: number): LookupFunction {
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
