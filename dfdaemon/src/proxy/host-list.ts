import { meansOrigin, parseOriginRule, type OriginRule } from '@damselfly/cdn'
import type { Target } from './target.ts'

/** Hosts as they are named in the configuration: `host`, `*.domain`, an address, each with `:port` or without. */
export class HostList {
  readonly #rules: readonly OriginRule[]

  /** @throws DamselflyError CONFIG_INVALID */
  constructor(hosts: readonly string[]) {
    this.#rules = hosts.map(parseOriginRule)
  }

  names({ host, port }: Target): boolean {
    return this.#rules.some((rule) => meansOrigin(rule, host, port))
  }
}

/** Those that stand for one host each, not for many. */
export function singleHosts(hosts: readonly string[]): string[] {
  return hosts.filter((host) => !/[*/]/.test(host))
}
