import { DamselflyError } from '@damselfly/shared'
import type { PieceOrder, RandomSource, SchedulerCommand } from '../contract.ts'
import type { AdmissionPolicy } from '../policies/admission.ts'
import type { Blocklist } from '../policies/blocklist.ts'
import type { ParentChoicePolicy } from '../policies/parent-choice.ts'
import type { PieceOrderPolicy } from '../policies/piece-order.ts'
import type { Childhood, Member } from '../state/member.ts'
import { distance } from '../state/place.ts'
import type { Peer } from '../state/peer.ts'
import type { Swarm } from '../state/swarm.ts'
import type { Assignments } from './assignments.ts'
import { collectOrphans, hasOrphans } from './orphans.ts'
import { collectSpare } from './spare.ts'

/** How many waiting children that a parent could serve are compared before it serves one. */
const COMPARED_CHILDREN = 8

export interface MatcherParts {
  readonly pieceOrders: Readonly<Record<PieceOrder, PieceOrderPolicy>>
  readonly parentChoice: ParentChoicePolicy
  readonly admission: AdmissionPolicy
  readonly blocklist: Blocklist
  readonly random: RandomSource
  readonly assignments: Assignments
}

/** Brings together children with credits and parents with free slots: from the child's side, or from the parent's. */
export class Matcher {
  readonly #parts: MatcherParts
  readonly #candidates: number[] = []

  constructor(parts: MatcherParts) {
    this.#parts = parts
  }

  /** Spends the child's credits as far as possible; with credits left over it waits. */
  serve(member: Member, now: number, commands: SchedulerCommand[]): void {
    const { child, swarm } = member
    if (child === undefined) return
    while (child.credits > 0 && child.need.count > 0 && this.#serveOne(member, child, now, commands));
    swarm.queue(member)
  }

  /** Fills a parent's free slots, from all swarms in which somebody waits, by turns. */
  offerSlots(peer: Peer, now: number, commands: SchedulerCommand[]): void {
    // Those that were served are put last, and so met again, until nobody is interested.
    for (const member of peer.active) {
      if (!peer.hasFreeSlot) return
      if (!this.#offerOne(member, undefined, now, commands)) continue
      peer.active.delete(member)
      peer.active.add(member)
    }
  }

  /** Offers what a parent has in one swarm, or one piece of it, until its slots are full or nobody wants more. */
  offer(parent: Member, piece: number | undefined, now: number, commands: SchedulerCommand[]): void {
    while (parent.peer.hasFreeSlot && this.#offerOne(parent, piece, now, commands));
  }

  #serveOne(member: Member, child: Childhood, now: number, commands: SchedulerCommand[]): boolean {
    const { swarm } = member
    const parents = this.#freeParents(member, child)
    const candidates = this.#emptyCandidates()
    if (parents.length > 0) child.need.collectInAny(parents.map(({ held }) => held), candidates)
    const cdns = [...swarm.cdns].filter((cdn) => this.#isUsable(member, cdn))
    for (const cdn of cdns) collectOrphans(member, child, cdn, this.#parts.blocklist, candidates)
    if (candidates.length === 0) return cdns.some((cdn) => this.#serveSpare(member, child, cdn, now, commands))
    const piece = this.#choosePiece(member, child)
    const holders = parents.filter(({ held }) => held.has(piece))
    const parent = holders.length > 0 ? this.#chooseParent(member, holders) : cdns.find(({ held }) => held.has(piece))
    if (parent === undefined) throw new DamselflyError('INTERNAL', 'a policy chose what it was not offered')
    this.#parts.assignments.begin(member, parent, piece, now, commands)
    return true
  }

  /** The CDN gives a piece that the swarm has already, if it is admitted to. */
  #serveSpare(member: Member, child: Childhood, cdn: Member, now: number, commands: SchedulerCommand[]): boolean {
    const { swarm } = member
    const mayTakeAny = this.#admits(swarm, child, swarm.peersAreSlow)
    if (!mayTakeAny && (swarm.slow.size === 0 || !this.#admits(swarm, child, true))) return false
    const candidates = this.#emptyCandidates()
    collectSpare(child, cdn, mayTakeAny ? undefined : swarm.slow, candidates)
    if (candidates.length === 0) return false
    swarm.spareCopies++
    this.#parts.assignments.begin(member, cdn, this.#choosePiece(member, child), now, commands)
    return true
  }

  #admits(swarm: Swarm, { fetching, cdnInFlight }: Childhood, onlyFromSlow: boolean): boolean {
    const { spareCopies, peerCopies } = swarm
    const inFlight = fetching.size
    return this.#parts.admission.admits({ inFlight, cdnInFlight, onlyFromSlow, spareCopies, peerCopies })
  }

  #offerOne(parent: Member, piece: number | undefined, now: number, commands: SchedulerCommand[]): boolean {
    if (parent.held.count === 0 || !parent.peer.hasFreeSlot) return false
    const member = parent.peer.isCdn ? this.#neediestOfCdn(parent) : this.#waiterFor(parent, piece)
    const child = member?.child
    if (member === undefined || child === undefined) return false
    const candidates = this.#emptyCandidates()
    if (parent.peer.isCdn) collectOrphans(member, child, parent, this.#parts.blocklist, candidates)
    else if (piece === undefined) child.need.collectInAny([parent.held], candidates)
    else candidates.push(piece)
    this.#parts.assignments.begin(member, parent, this.#choosePiece(member, child), now, commands)
    member.swarm.waiting.delete(member)
    member.swarm.queue(member)
    return true
  }

  /** Among the first few that have waited longest: the one with least under way, then the nearest. */
  #waiterFor(parent: Member, piece: number | undefined): Member | undefined {
    let best: Member | undefined
    let lowest = Infinity
    let compared = 0
    for (const member of parent.swarm.waiting) {
      const { need, fetching } = member.child as Childhood
      if (piece === undefined ? !need.intersects(parent.held) : !need.has(piece)) continue
      if (member === parent || this.#isBlocked(member, parent)) continue
      const cost = fetching.size * 4 + distance(member.peer.location, parent.peer.location)
      if (cost < lowest) {
        lowest = cost
        best = member
      }
      if (++compared === COMPARED_CHILDREN) break
    }
    return best
  }

  /** The waiting child with the fewest pieces from the CDN, so that its pieces are spread evenly to be exchanged. */
  #neediestOfCdn(cdn: Member): Member | undefined {
    const { swarm } = cdn
    const { blocklist } = this.#parts
    if (blocklist.isEmpty && !cdn.held.intersects(swarm.copies.fresh)) return undefined
    let best: Member | undefined
    let least: Childhood | undefined
    for (const member of swarm.waiting) {
      const child = member.child as Childhood
      if (least !== undefined && !hasLessOfCdn(child, least)) continue
      if (member === cdn || this.#isBlocked(member, cdn) || !hasOrphans(member, child, cdn, blocklist)) continue
      best = member
      least = child
    }
    return best
  }

  #freeParents(member: Member, { need }: Childhood): Member[] {
    const { swarm } = member
    if (!need.intersects(swarm.copies.spread)) return []
    const isUsable = (parent: Member): boolean => need.intersects(parent.held) && !this.#isBlocked(member, parent)
    return swarm.parents.sample(member, isUsable, this.#parts.random)
  }

  #isUsable(child: Member, cdn: Member): boolean {
    return cdn !== child && cdn.peer.hasFreeSlot && !this.#isBlocked(child, cdn)
  }

  #isBlocked(child: Member, parent: Member): boolean {
    return this.#parts.blocklist.blockedUntil(child.peer.id, parent.peer.id) !== undefined
  }

  #choosePiece({ swarm, held }: Member, { order }: Childhood): number {
    const view = {
      copiesOf: (piece: number) => swarm.copies.copiesOf(piece),
      firstMissing: () => held.firstMissing(),
    }
    return this.#parts.pieceOrders[order].choose(this.#candidates, view, this.#parts.random)
  }

  #chooseParent(member: Member, holders: readonly Member[]): Member | undefined {
    const peers = holders.map(({ peer }) => peer)
    const chosen = this.#parts.parentChoice.choose(member.peer.location, peers, this.#parts.random)
    return holders.find(({ peer }) => peer === chosen)
  }

  #emptyCandidates(): number[] {
    this.#candidates.length = 0
    return this.#candidates
  }
}

function hasLessOfCdn(a: Childhood, b: Childhood): boolean {
  return a.cdnInFlight < b.cdnInFlight || (a.cdnInFlight === b.cdnInFlight && a.cdnTotal < b.cdnTotal)
}
