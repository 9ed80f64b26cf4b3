import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { guardLookup, OriginGate } from '@damselfly/cdn'
import { DamselflyError } from '@damselfly/shared'
import { HostList } from './host-list.ts'
import { formatTarget, type Target } from './target.ts'

export interface TargetGateInit {
  /** Hosts, `*.domain`, addresses and networks that may be at private addresses. */
  readonly allow: readonly string[]
  /** To which tunnels may lead. */
  readonly connectPorts: readonly number[]
  /** To which tunnels may lead at other ports too, where they are named with one. */
  readonly intercepted: readonly string[]
  /** The ports that this daemon listens on. */
  readonly ownPorts: () => readonly number[]
  /** @default the system's resolver */
  readonly lookup?: LookupFunction | undefined
}

/** Decides where the proxy may connect to, above all by the addresses that are really connected to. */
export class TargetGate {
  readonly #init: TargetGateInit
  readonly #gate: OriginGate
  readonly #atOtherPorts: HostList
  readonly #lookup: LookupFunction

  /** @throws DamselflyError CONFIG_INVALID */
  constructor(init: TargetGateInit) {
    this.#init = init
    this.#gate = new OriginGate(init.allow)
    this.#atOtherPorts = new HostList(init.intercepted.filter((host) => /:\d+$/.test(host)))
    this.#lookup = init.lookup ?? systemLookup
  }

  /** @throws DamselflyError PROXY_REFUSED */
  requireTunnel(target: Target): void {
    const { connectPorts } = this.#init
    if (!connectPorts.includes(target.port) && !this.#atOtherPorts.names(target)) {
      throw new DamselflyError('PROXY_REFUSED', `tunnels lead to port ${connectPorts.join(', ') || '(none)'} only, not to ${formatTarget(target)}`)
    }
    this.requireAddress(target)
  }

  /** A name is checked when it is resolved. @throws DamselflyError PROXY_REFUSED */
  requireAddress({ host, port }: Target): void {
    if (isIP(host) === 0) return
    if (this.#isOwn(host, port)) throw ownRefusal(host, port)
    if (!this.#gate.namesHost(host, port) && !this.#gate.admitsAddress(host, port)) {
      throw new DamselflyError('PROXY_REFUSED', `${host} is not a public address`)
    }
  }

  /** Resolves when something else that looks the name up may connect to it. @throws DamselflyError PROXY_REFUSED, ORIGIN_UNREACHABLE */
  async requireResolved(target: Target): Promise<void> {
    this.requireAddress(target)
    if (isIP(target.host) !== 0) return
    await new Promise<void>((resolve, reject) => {
      this.lookup(target.port)(target.host, { all: true }, (error) => (error === null ? resolve() : reject(connectError(error, target))))
    })
  }

  /** Resolves names for connections to this port, to none but admitted addresses. */
  lookup(port: number): LookupFunction {
    return (host, options, callback) => {
      const guarded = this.#gate.namesHost(host, port) ? this.#lookup : guardLookup(this.#lookup, this.#gate, port)
      guarded(host, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, [])
        const others = (found as unknown as readonly LookupAddress[]).filter(({ address }) => !this.#isOwn(address, port))
        const [first] = others
        if (first === undefined) callback(ownRefusal(host, port), [])
        else if (options.all === true) callback(null, others)
        else callback(null, first.address, first.family)
      })
    }
  }

  #isOwn(address: string, port: number): boolean {
    return this.#init.ownPorts().includes(port) && ownAddresses().check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
}

/** @returns what to tell of a connection that was not made */
export function connectError(error: unknown, target: Target): DamselflyError {
  if (error instanceof DamselflyError) return error.code === 'ORIGIN_FORBIDDEN' ? new DamselflyError('PROXY_REFUSED', error.message) : error
  const reason = error instanceof Error ? error.message : String(error)
  return new DamselflyError('ORIGIN_UNREACHABLE', `${formatTarget(target)} cannot be reached: ${reason}`, { cause: error })
}

function ownRefusal(host: string, port: number): DamselflyError {
  return new DamselflyError('PROXY_REFUSED', `${formatTarget({ host, port })} is this daemon itself`)
}

/** They may change while it runs. */
function ownAddresses(): BlockList {
  const own = new BlockList()
  own.addSubnet('127.0.0.0', 8)
  own.addSubnet('0.0.0.0', 8)
  own.addAddress('::1', 'ipv6')
  own.addAddress('::', 'ipv6')
  for (const { address, family } of Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])) {
    own.addAddress(address, family === 'IPv6' ? 'ipv6' : 'ipv4')
  }
  return own
}
