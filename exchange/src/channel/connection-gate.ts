import { isIPv6 } from 'node:net'
import { systemClock, type Clock, type PeerId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { plainHost } from './address.ts'
import { AddressBook, type KnownAddress } from './address-book.ts'
import { networkOf } from './network-of.ts'

/** What strangers may take of a listening program before and after they have proved who they are. */
export interface ConnectionLimits {
  /** Connections at once, on all listeners together. */
  readonly connections: number
  /** Those of one IPv4 address, or of one IPv6 network of 64 bits. */
  readonly connectionsPerAddress: number
  /** Handshakes of one address that may be under way at once. */
  readonly handshakesPerAddress: number
  /** Handshakes that one address may begin each second, after as many as five seconds of it at once. */
  readonly handshakeRate: number
  /** Channels of one PeerId. */
  readonly channelsPerPeer: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  connections: 4096,
  connectionsPerAddress: 1024,
  handshakesPerAddress: 128,
  handshakeRate: 100,
  channelsPerPeer: 64,
}

/** Why somebody was not let in. */
export const REFUSALS = ['connections', 'connections-per-address', 'handshakes-per-address', 'handshake-rate', 'channels-per-peer'] as const
export type Refusal = (typeof REFUSALS)[number]

/** One connection that was let in. Both may be called more than once. */
export interface Entry {
  /** The handshake is over. */
  readonly proved: () => void
  readonly left: () => void
}

export interface ConnectionGateInit {
  /** @default CONNECTION_LIMITS */
  readonly limits?: Partial<ConnectionLimits>
  /** @default systemClock */
  readonly clock?: Clock
  readonly logger?: Logger
}

/** A refusal is logged at most so often for each reason; milliseconds. */
const LOG_PAUSE_MS = 60_000

/**
 * Counts who is connected to a program, and turns away who takes too much. All its listeners share it. What one address or
 * one PeerId takes leaves the rest to others; a handshake costs more than anything else that a stranger can ask for.
 */
export class ConnectionGate {
  readonly limits: ConnectionLimits
  readonly #clock: Clock
  readonly #logger: Logger | undefined
  readonly #addresses: AddressBook
  readonly #channels = new Map<PeerId, number>()
  readonly #refused = new Map<Refusal, number>()
  readonly #loggedAt = new Map<Refusal, number>()
  #open = 0
  #handshakes = 0

  constructor({ limits, clock = systemClock, logger }: ConnectionGateInit = {}) {
    this.limits = { ...CONNECTION_LIMITS, ...limits }
    this.#clock = clock
    this.#logger = logger
    this.#addresses = new AddressBook(this.limits.handshakeRate, clock)
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open
  }

  /** Handshakes that are under way. */
  get handshakes(): number {
    return this.#handshakes
  }

  /** How often somebody was turned away. */
  refused(why: Refusal): number {
    return this.#refused.get(why) ?? 0
  }

  /** A connection has come. @returns undefined when it is to be closed */
  enter(host: string): Entry | undefined {
    const network = isIPv6(plainHost(host)) ? networkOf(plainHost(host)) : plainHost(host)
    const address = this.#addresses.at(network)
    const why = this.#refusalOf(address)
    if (why !== undefined) return this.#refuse(why, { address: network })
    return this.#let(network, address)
  }

  /** A peer has proved who it is. @returns what is to be called at its channel's end; undefined when it is to be closed */
  channel(peer: PeerId): (() => void) | undefined {
    const count = this.#channels.get(peer) ?? 0
    if (count >= this.limits.channelsPerPeer) return this.#refuse('channels-per-peer', { peer })
    this.#channels.set(peer, count + 1)
    return once(() => {
      const left = (this.#channels.get(peer) ?? 1) - 1
      if (left > 0) this.#channels.set(peer, left)
      else this.#channels.delete(peer)
    })
  }

  #refusalOf(address: KnownAddress): Refusal | undefined {
    const { connections, connectionsPerAddress, handshakesPerAddress } = this.limits
    if (this.#open >= connections) return 'connections'
    if (address.open >= connectionsPerAddress) return 'connections-per-address'
    if (address.handshakes >= handshakesPerAddress) return 'handshakes-per-address'
    return this.#addresses.mayBegin(address) ? undefined : 'handshake-rate'
  }

  #let(network: string, address: KnownAddress): Entry {
    this.#open++
    address.open++
    this.#handshakes++
    address.handshakes++
    this.#addresses.begins(address)
    const proved = once(() => {
      this.#handshakes--
      address.handshakes--
    })
    const left = once(() => {
      proved()
      this.#open--
      address.open--
      this.#addresses.left(network, address)
    })
    return { proved, left }
  }

  #refuse(why: Refusal, who: { readonly address: string } | { readonly peer: PeerId }): undefined {
    this.#refused.set(why, this.refused(why) + 1)
    const now = this.#clock.now()
    if (now - (this.#loggedAt.get(why) ?? Number.NEGATIVE_INFINITY) < LOG_PAUSE_MS) return undefined
    this.#loggedAt.set(why, now)
    this.#logger?.warn({ ...who, limit: why, refused: this.refused(why) }, 'connections are turned away')
    return undefined
  }
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    work()
  }
}
