import { DamselflyError, PRIORITIES, type Priority } from '@damselfly/shared'
import type { PieceOrder, RandomSource, SchedulerCommand } from '../contract.ts'
import type { AdmissionPolicy } from '../policies/admission.ts'
import type { ParentChoicePolicy } from '../policies/parent-choice.ts'
import type { PieceOrderPolicy } from '../policies/piece-order.ts'
import type { TurnsPolicy } from '../policies/turns.ts'
import type { LocalCopies } from '../state/local-copies.ts'
import type { Childhood, Member } from '../state/member.ts'
import type { Peer } from '../state/peer.ts'
import type { Swarm } from '../state/swarm.ts'
import { isWaitingAs, type Whom } from '../state/waiting-room.ts'
import type { Assignments } from './assignments.ts'
import type { Blocks } from './blocks.ts'
import { crosses, MOST_CROSSING, mayCross, mayCrossWith } from './crossing.ts'
import { Choices, type PieceSource } from './choices.ts'
import { Orphans } from './orphans.ts'
import { ParentSearch } from './parent-search.ts'
import { spareOf } from './spare.ts'
import { WaiterSearch } from './waiter-search.ts'

export interface MatcherParts {
  readonly pieceOrders: Readonly<Record<PieceOrder, PieceOrderPolicy>>
  readonly parentChoice: ParentChoicePolicy
  readonly admission: AdmissionPolicy
  readonly turns: TurnsPolicy
  readonly blocks: Blocks
  readonly random: RandomSource
  readonly assignments: Assignments
}

/** So many are tried before the others wait for the next event. */
const MOST_DEPRIVED = 32

const BACKGROUND_FIRST: readonly Priority[] = PRIORITIES.toReversed()

/** Brings together children with credits and parents with free slots: from the child's side, or from the parent's. */
export class Matcher {
  readonly #parts: MatcherParts
  readonly #parents: ParentSearch
  readonly #waiters: WaiterSearch

  constructor(parts: MatcherParts) {
    this.#parts = parts
    this.#parents = new ParentSearch(parts.blocks, parts.random)
    this.#waiters = new WaiterSearch(parts.blocks, parts.random)
  }

  /** Spends the child's credits as far as possible; with credits left over it waits. */
  serve(member: Member, commands: SchedulerCommand[]): void {
    const { child, swarm } = member
    if (child === undefined) return
    while (child.credits > 0 && child.need.count > 0 && this.#serveOne(member, child, commands));
    swarm.queue(member)
  }

  /** The CDN gives a child that waits a piece that the swarm has already, if it is admitted to. */
  spare(member: Member, commands: SchedulerCommand[]): void {
    const { child, swarm } = member
    if (child === undefined || child.credits === 0 || child.need.count === 0) return
    for (const cdn of swarm.cdns) {
      if (this.#isUsable(member, cdn) && this.#serveSpare(member, child, cdn, commands)) break
    }
    swarm.queue(member)
  }

  /** Serves those who wait in locations where something may cross that could not before. */
  serveDeprived(swarm: Swarm, commands: SchedulerCommand[]): void {
    if (swarm.deprived.size === 0) return
    const deprived = [...swarm.deprived]
    swarm.deprived.clear()
    for (const local of deprived) {
      let looked = 0
      for (const member of waitersAt(swarm, local)) {
        if (local.crossings >= MOST_CROSSING || ++looked > MOST_DEPRIVED) break
        this.serve(member, commands)
      }
    }
  }

  /** Fills a parent's free slots, from all swarms in which somebody waits: foreground first, and swarms by turns. */
  offerSlots(peer: Peer, commands: SchedulerCommand[]): void {
    if (waitsInBackground(peer)) {
      while (peer.hasFreeSlot && this.#offerInTurn(peer, commands));
      return
    }
    // Those that were served are put last, and so met again, until nobody is interested.
    for (const member of peer.active) {
      if (!peer.hasFreeSlot) return
      while (this.#offerOne(member, undefined, undefined, commands)) if (putLast(peer, member)) break
    }
  }

  /** Offers what a parent has in one swarm, or one piece of it, until its slots are full or nobody wants more. */
  offer(parent: Member, piece: number | undefined, commands: SchedulerCommand[]): void {
    while (parent.hasFreeSlot && this.#offerOne(parent, piece, undefined, commands));
  }

  /** Gives one slot away. */
  #offerInTurn(peer: Peer, commands: SchedulerCommand[]): boolean {
    const isBackgroundFirst = this.#parts.turns.isBackgroundsTurn(peer.passedOver)
    for (const whom of isBackgroundFirst ? BACKGROUND_FIRST : PRIORITIES) {
      for (const member of peer.active) {
        if (!this.#offerOne(member, undefined, whom, commands)) continue
        putLast(peer, member)
        peer.passedOver = whom === 'background' ? 0 : peer.passedOver + 1
        return true
      }
    }
    return false
  }

  #serveOne(member: Member, child: Childhood, commands: SchedulerCommand[]): boolean {
    const parents = this.#parents
    parents.begin(member)
    const cdns = this.#usableCdns(member)
    const orphans = new Orphans(member, this.#parts.blocks)
    const cdnWith = (piece: number): Member | undefined => {
      return cdns.length > 0 && orphans.isOrphan(piece) ? cdns.find(({ held }) => held.has(piece)) : undefined
    }
    const piece = this.#choosePiece(member, child, {
      fewestCopies: cdns.length > 0 ? 0 : 1,
      has: (candidate) => cdnWith(candidate) !== undefined || parents.has(candidate),
    })
    if (piece === undefined) return cdns.some((cdn) => this.#serveSpare(member, child, cdn, commands))
    const parent = this.#chooseParent(member, piece) ?? cdnWith(piece)
    if (parent === undefined) throw new DamselflyError('INTERNAL', 'a policy chose what it was not offered')
    this.#parts.assignments.begin(member, parent, piece, commands)
    return true
  }

  #serveSpare(member: Member, child: Childhood, cdn: Member, commands: SchedulerCommand[]): boolean {
    const { swarm } = member
    const mayTakeAny = this.#admits(swarm, child, swarm.peersAreSlow)
    if (!mayTakeAny && (swarm.slow.size === 0 || !this.#admits(swarm, child, true))) return false
    return this.#takeSpare(member, child, cdn, mayTakeAny, commands)
  }

  #takeSpare(member: Member, child: Childhood, cdn: Member, mayTakeAny: boolean, commands: SchedulerCommand[]): boolean {
    const { swarm } = member
    const spare = spareOf(cdn, mayTakeAny ? undefined : swarm.slow)
    const has = (candidate: number): boolean => spare.has(candidate) && canGive(cdn, member, candidate)
    const piece = this.#choosePiece(member, child, { ...spare, has })
    if (piece === undefined) return false
    swarm.spareCopies++
    const basis = swarm.peersAreSlow || !mayTakeAny ? 'peers-slow' : 'peers-busy'
    this.#parts.assignments.begin(member, cdn, piece, commands, basis)
    return true
  }

  #admits(swarm: Swarm, { fetches, cdnInFlight }: Childhood, onlyFromSlow: boolean): boolean {
    const { spareCopies, peerCopies } = swarm
    return this.#parts.admission.admits({ inFlight: fetches.count, cdnInFlight, onlyFromSlow, spareCopies, peerCopies })
  }

  #offerOne(parent: Member, piece: number | undefined, whom: Whom, commands: SchedulerCommand[]): boolean {
    const { peer, held, swarm } = parent
    if (held.count === 0 || !parent.hasFreeSlot || swarm.waiting.size === 0) return false
    if (peer.isCdn) return this.#offerOrphan(parent, whom, commands)
    const member = piece === undefined ? this.#waiters.forAny(parent, whom) : this.#waiters.forPiece(parent, piece, whom)
    if (member?.child === undefined) return false
    return this.#beginOffered(member, parent, piece ?? this.#choosePieceOf(parent, member, member.child), commands)
  }

  #offerOrphan(cdn: Member, whom: Whom, commands: SchedulerCommand[]): boolean {
    const member = whom === undefined ? (this.#neediestOf(cdn, 'foreground') ?? this.#neediestOf(cdn, 'background')) : this.#neediestOf(cdn, whom)
    if (member?.child === undefined) return false
    const orphans = new Orphans(member, this.#parts.blocks)
    const has = (piece: number): boolean => cdn.held.has(piece) && orphans.isOrphan(piece)
    return this.#beginOffered(member, cdn, this.#choosePiece(member, member.child, { fewestCopies: 0, has }), commands)
  }

  #beginOffered(
    member: Member,
    parent: Member,
    piece: number | undefined,
    commands: SchedulerCommand[],
  ): boolean {
    if (piece === undefined) return false
    this.#parts.assignments.begin(member, parent, piece, commands)
    member.swarm.queue(member)
    return true
  }

  /** The waiting child with the fewest pieces from the CDN, so that its pieces are spread evenly to be exchanged. */
  #neediestOf(cdn: Member, whom: Priority): Member | undefined {
    let best: Member | undefined
    let least: Childhood | undefined
    for (const member of this.#waitersForOrphans(cdn, whom)) {
      const child = member.child as Childhood
      if (best !== undefined && least !== undefined && !isNeedier(member, child, best, least, cdn)) continue
      if (member === cdn || this.#isBlocked(member, cdn)) continue
      if (crosses(member, cdn) && !mayCross(member)) continue
      if (!new Orphans(member, this.#parts.blocks).existAt(cdn)) continue
      best = member
      least = child
    }
    return best
  }

  *#waitersForOrphans(cdn: Member, whom: Priority): Generator<Member> {
    const { waiting, copies, seats } = cdn.swarm
    if (cdn.held.intersects(copies.fresh)) {
      for (const rank of waiting.ranks(whom)) for (const seat of rank.members()) yield seats.at(seat)
    } else {
      for (const member of this.#parts.blocks.childrenWithBlocks(cdn.swarm)) if (isWaitingAs(member, whom)) yield member
    }
  }

  #usableCdns(member: Member): Member[] {
    return [...member.swarm.cdns].filter((cdn) => this.#isUsable(member, cdn))
  }

  #isUsable(child: Member, cdn: Member): boolean {
    if (cdn === child || !cdn.hasFreeSlot || (crosses(child, cdn) && !mayCross(child))) return false
    return !this.#isBlocked(child, cdn)
  }

  #isBlocked(child: Member, parent: Member): boolean {
    return this.#parts.blocks.isBlocked(child, parent)
  }

  #choosePiece(member: Member, child: Childhood, source: PieceSource): number | undefined {
    const { pieceOrders, random } = this.#parts
    return pieceOrders[child.order].choose(new Choices(member, child.need, source, random), random)
  }

  #choosePieceOf(parent: Member, member: Member, child: Childhood): number | undefined {
    return this.#choosePiece(member, child, { fewestCopies: 1, has: (piece) => canGive(parent, member, piece) })
  }

  #chooseParent(member: Member, piece: number): Member | undefined {
    const holders = this.#parents.holdersOf(piece)
    if (holders.length <= 1) return holders[0]
    const peers = holders.map(({ peer }) => peer)
    const chosen = this.#parts.parentChoice.choose(member.peer.location, peers, this.#parts.random)
    return holders.find(({ peer }) => peer === chosen)
  }
}

/** The others have their turn before it. @returns whether there are others */
function putLast({ active }: Peer, member: Member): boolean {
  if (active.size === 1) return false
  active.delete(member)
  active.add(member)
  return true
}

function waitsInBackground({ active }: Peer): boolean {
  for (const { swarm } of active) if (swarm.waiting.hasBackground) return true
  return false
}

function canGive(parent: Member, member: Member, piece: number): boolean {
  return parent.held.has(piece) && (!crosses(member, parent) || mayCrossWith(member, piece))
}

/** Those near to the CDN first: they pass it on, and it crosses to the others once. */
function isNeedier(a: Member, aChild: Childhood, b: Member, bChild: Childhood, cdn: Member): boolean {
  const isNear = !crosses(a, cdn)
  return isNear === !crosses(b, cdn) ? hasLessOfCdn(aChild, bChild) : isNear
}

function hasLessOfCdn(a: Childhood, b: Childhood): boolean {
  return a.cdnInFlight < b.cdnInFlight || (a.cdnInFlight === b.cdnInFlight && a.cdnTotal < b.cdnTotal)
}

/** A copy of the list, since those that are served leave it. */
function waitersAt({ waiting, seats }: Swarm, local: LocalCopies): Member[] {
  const members: Member[] = []
  for (const rank of waiting.ranks(undefined)) {
    for (const seat of rank.members()) {
      const member = seats.at(seat)
      if (member.local === local) members.push(member)
    }
  }
  return members
}
