import { DamselflyError } from '@damselfly/shared'
import { parseOriginRule, unbracketed, type OriginRule } from './origin-rule.ts'
import { isPublicAddress, parseAddress } from './public-address.ts'

/** Which origins may be reached besides those at public addresses. */
export interface OriginPolicy {
  /** Hosts, `*.domain` globs, addresses and networks (`host:port` too) that may be private. @default [] */
  readonly allow?: readonly string[] | undefined
  /**
   * The host of the requested URL may be private, as for any download that a person starts on
   * their own machine; redirects to other hosts are still checked. Never for URLs from elsewhere.
   *
   * @default false
   */
  readonly trustRequestedHost?: boolean | undefined
}

/** Decides about hosts and, above all, about the addresses that are really connected to. */
export class OriginGate {
  readonly #rules: readonly OriginRule[]

  /** @throws DamselflyError CONFIG_INVALID */
  constructor(allow: readonly string[]) {
    this.#rules = allow.map(parseOriginRule)
  }

  /** Whether the host is named as allowed, whatever its addresses. */
  namesHost(host: string, port: number): boolean {
    return this.#rules.some((rule) => rule.matchesHost(host, port))
  }

  admitsAddress(text: string, port: number): boolean {
    const address = parseAddress(unbracketed(text))
    if (address === undefined) return false
    return isPublicAddress(address) || this.#rules.some((rule) => rule.matchesAddress(address, port))
  }

  /** @param via the host whose address it is */
  refusal(via: string, addresses: readonly string[]): DamselflyError {
    const leads = addresses.length === 1 && addresses[0] === via ? '' : ` leads to ${addresses.join(', ')},`
    return new DamselflyError('ORIGIN_FORBIDDEN', `${via}${leads}${leads === '' ? ' is' : ''} not a public address`)
  }
}
