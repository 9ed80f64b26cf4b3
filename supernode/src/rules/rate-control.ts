import { stricter, type Clock, type PeerId } from '@damselfly/shared'
import { divideRate } from './divide-rate.ts'
import type { PeerUsage } from './peer-usage.ts'
import { NO_LIMITS, RATE_KINDS, type PeerRates, type RateKind, type RateRule } from './rate-rule.ts'
import type { RuleList } from './rule-list.ts'

/** How often what peers have together is divided anew; milliseconds. */
const INTERVAL_MS = 2000

/** Peers that come or go within this time cost one division; milliseconds. */
const GATHER_MS = 100

/** A peer that uses this much of its share wants more; others keep some room above what they use. */
const HUNGRY = 0.8
const ROOM = 1.5

/** Even a peer that is idle may begin; part of an even share. */
const IDLE_SHARE = 0.1

/** A change that is smaller is not worth a message; part of the rate. */
const WORTH_TELLING = 0.05

/** A connected peer as rate rules see it. */
export interface LimitedPeer {
  readonly peer: PeerId
  readonly location: { readonly location: string }
}

export interface RateControlDeps {
  readonly rules: RuleList<RateRule>
  readonly peers: () => Iterable<LimitedPeer>
  readonly usage: PeerUsage
  readonly tell: (peer: PeerId, rates: PeerRates) => void
  readonly clock: Clock
}

/** Lowers and raises the rates of peers as the rules say, so that an uplink or an origin is spared. */
export class RateControl {
  readonly #deps: RateControlDeps
  readonly #told = new Map<PeerId, PeerRates>()
  /** How many peers share what a rule gives them together; as of the last division, and those that came since. */
  readonly #sharers = new Map<string, number>()
  #cancelTimer: (() => void) | undefined
  #cancelGathering: (() => void) | undefined

  constructor(deps: RateControlDeps) {
    this.#deps = deps
    deps.rules.onChange(() => this.apply())
  }

  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#cancelGathering?.()
    this.#cancelGathering = undefined
  }

  /** What the peer has been told; 0: no limit. */
  ratesOf(peer: PeerId): PeerRates {
    return this.#told.get(peer) ?? NO_LIMITS
  }

  /** The child got so many bytes from the parent; undefined: from the origin. */
  moved(child: PeerId, parent: PeerId | undefined, bytes: number): void {
    if (this.#cancelTimer !== undefined) this.#deps.usage.count(child, parent, bytes)
  }

  /** A new connection starts without limits. Of what peers have together it begins with what an idle one gets, until it is divided anew. */
  joined(candidate: LimitedPeer): void {
    const { peer } = candidate
    this.#told.delete(peer)
    const rates = { ...NO_LIMITS }
    let shares = false
    for (const rule of this.#deps.rules.list()) {
      if (!isAbout(rule, candidate)) continue
      const sharers = rule.together ? this.#countSharer(rule) : 1
      shares ||= rule.together
      for (const kind of RATE_KINDS) {
        const most = rule[kind]
        if (most !== undefined) rates[kind] = stricter(rates[kind], atLeastOne(rule.together ? leastShare(most, sharers) : most))
      }
    }
    this.#tell(peer, rates)
    if (shares) this.#gather()
  }

  left(peer: PeerId): void {
    this.#told.delete(peer)
    this.#deps.usage.forget(peer)
    if (this.#deps.rules.list().some(({ together }) => together)) this.#gather()
  }

  /** Divides anew and tells the peers what changed for them. */
  apply(): void {
    this.#cancelGathering?.()
    this.#cancelGathering = undefined
    this.#sharers.clear()
    const { rules, peers } = this.#deps
    const list = rules.list()
    const rates = new Map([...peers()].map((peer) => [peer.peer, { peer, rates: { ...NO_LIMITS } }]))
    for (const rule of list) {
      const concerned = [...rates.values()].filter(({ peer }) => isAbout(rule, peer))
      if (rule.together) this.#sharers.set(rule.id, concerned.length)
      for (const kind of RATE_KINDS) {
        const most = rule[kind]
        if (most === undefined) continue
        const shares = rule.together ? this.#divide(most, kind, concerned.map(({ peer }) => peer.peer)) : concerned.map(() => most)
        for (const [index, one] of concerned.entries()) one.rates[kind] = stricter(one.rates[kind], atLeastOne(shares[index] ?? 0))
      }
    }
    for (const [peer, { rates: now }] of rates) this.#tell(peer, now)
    this.#planNext(list.some(({ together }) => together))
  }

  #tell(peer: PeerId, rates: PeerRates): void {
    if (!isOther(rates, this.ratesOf(peer))) return
    this.#told.set(peer, rates)
    this.#deps.tell(peer, rates)
  }

  #countSharer({ id }: RateRule): number {
    const sharers = (this.#sharers.get(id) ?? 0) + 1
    this.#sharers.set(id, sharers)
    return sharers
  }

  #gather(): void {
    this.#cancelGathering ??= this.#deps.clock.after(GATHER_MS, () => this.apply())
  }

  #divide(most: number, kind: RateKind, peers: readonly PeerId[]): number[] {
    const least = leastShare(most, peers.length)
    const demands = peers.map((peer) => {
      const used = this.#deps.usage.of(peer)[kind]
      const had = this.ratesOf(peer)[kind]
      return had > 0 && used >= HUNGRY * had ? most : Math.max(least, ROOM * used)
    })
    return divideRate(most, demands)
  }

  #planNext(isNeeded: boolean): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (!isNeeded) return this.#deps.usage.clear()
    this.#cancelTimer = this.#deps.clock.after(INTERVAL_MS, () => {
      this.#deps.usage.pass(INTERVAL_MS)
      this.apply()
    })
  }
}

/** What even a peer that is idle gets. */
function leastShare(most: number, sharers: number): number {
  return (most / Math.max(1, sharers)) * IDLE_SHARE
}

function atLeastOne(rate: number): number {
  return Math.max(1, Math.round(rate))
}

function isAbout({ peer, location }: RateRule, candidate: LimitedPeer): boolean {
  return (peer === undefined || peer === candidate.peer) && (location === undefined || location === candidate.location.location)
}

function isOther(a: PeerRates, b: PeerRates): boolean {
  return RATE_KINDS.some((kind) => {
    if (a[kind] === 0 || b[kind] === 0) return a[kind] !== b[kind]
    return Math.abs(a[kind] - b[kind]) > WORTH_TELLING * Math.min(a[kind], b[kind])
  })
}
