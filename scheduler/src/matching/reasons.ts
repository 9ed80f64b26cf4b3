import type { PeerId } from '@damselfly/shared'
import type { BackToSourceReason, SchedulerEvent } from '../contract.ts'
import { type AssignmentOutcome, type AssignmentView, type Basis, type Candidate, type DecisionObserver, MOST_CANDIDATES } from '../explain/decision-observer.ts'
import type { SeatVisitor } from '../state/piece-seats.ts'
import type { Assignment, Childhood, Member } from '../state/member.ts'
import { networkClass, remoteness } from '../state/place.ts'
import type { Blocks } from './blocks.ts'
import { crosses, mayCrossWith } from './crossing.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Filled anew for each assignment, so that to tell of one makes no garbage. */
interface Note extends Mutable<Omit<AssignmentView, 'candidates'>> {
  readonly candidates: readonly Mutable<Candidate>[]
}

/** Tells an observer what is decided, and looks for the reasons; without an observer nobody looks. */
export class Reasons implements SeatVisitor {
  readonly #observer: DecisionObserver | undefined
  readonly #blocks: Blocks
  readonly #note: Note = emptyNote()
  #event: SchedulerEvent | undefined
  #child!: Member
  #parent!: Member
  /** How many who hold the piece were not met yet. */
  #left = 0

  constructor(observer: DecisionObserver | undefined, blocks: Blocks) {
    this.#observer = observer
    this.#blocks = blocks
  }

  /** What is decided from here on is decided because of this. */
  begin(event: SchedulerEvent, now: number): void {
    this.#event = event
    this.#note.at = now
  }

  joined({ peer, swarm, child }: Member): void {
    if (child !== undefined) this.#observer?.joined(swarm.id, peer.id, child.order, this.#note.at)
  }

  /** The child can take an assignment, and could not before. */
  opened(child: Childhood): void {
    child.openSince = this.#note.at
  }

  /** Before anything of the assignment counts. @returns the number of the decision */
  assigned(child: Member, parent: Member, piece: number, basis: Basis): number {
    if (this.#observer === undefined) return 0
    const note = this.#note
    const { swarm } = child
    this.#child = child
    this.#parent = parent
    this.#noteTrigger()
    note.task = swarm.id
    note.child = child.peer.id
    note.parent = parent.peer.id
    note.piece = piece
    note.basis = basis
    note.order = child.child?.order ?? 'rarest-first'
    note.priority = child.child?.priority ?? 'foreground'
    note.openSince = child.child?.openSince ?? note.at
    note.peers = swarm.members.size - swarm.cdns.size
    note.holders = swarm.copies.holdersOf(piece)
    note.copies = swarm.copies.copiesOf(piece)
    this.#noteCandidates(piece)
    return this.#observer.assigned(note)
  }

  ended({ child, decision }: Assignment, outcome: AssignmentOutcome): void {
    this.#observer?.ended(child.swarm.id, decision, outcome, this.#note.at)
  }

  sentToSource({ peer, swarm }: Member, reason: BackToSourceReason): void {
    this.#observer?.sentToSource(swarm.id, peer.id, reason, this.#note.at)
  }

  /** Looks at somebody who holds the piece. */
  visit(seat: number): boolean {
    if (seat === this.#parent.seat) return --this.#left === 0
    const holder = this.#child.swarm.seats.at(seat)
    if (holder.peer.isCdn || this.#isBlocked(holder)) return false
    this.#add(holder)
    // Only copies that can be passed on are counted.
    if (holder.isShut) return this.#note.candidateCount === MOST_CANDIDATES
    return --this.#left === 0 || this.#note.candidateCount === MOST_CANDIDATES
  }

  #noteTrigger(): void {
    const event = this.#event
    if (event === undefined) return
    this.#note.trigger = event.type
    this.#note.triggerPeer = 'peer' in event ? event.peer : undefined
  }

  /** First those of whom there is most to say. */
  #noteCandidates(piece: number): void {
    const note = this.#note
    const { swarm, peer, seat } = this.#child
    note.candidateCount = 0
    for (const cdn of swarm.cdns) if (cdn !== this.#parent) this.#add(cdn)
    if (peer.ownBlocks > 0) this.#addHolders(this.#blocks.blockedFor(this.#child), piece)
    if (this.#blocks.wereForAll) this.#addHolders(this.#blocks.shunnedIn(swarm).filter((member) => !this.#isNoted(member)), piece)
    this.#left = note.holders
    // Mostly nobody but the parent; else from the child's own seat on, so that not always the same are named.
    const isAlone = note.holders === (this.#parent.passesOn ? 1 : 0)
    if (!isAlone && note.candidateCount < MOST_CANDIDATES) swarm.holders.visit(piece, seat, this)
  }

  #addHolders(members: readonly Member[], piece: number): void {
    for (const member of members) if (!member.peer.isCdn && member.held.has(piece)) this.#add(member)
  }

  #isNoted({ peer }: Member): boolean {
    return this.#note.candidates.slice(0, this.#note.candidateCount).some((noted) => noted.peer === peer.id)
  }

  #isBlocked({ peer }: Member): boolean {
    return this.#blocks.blockedUntil(this.#child.peer, peer) !== undefined
  }

  #add(candidate: Member): void {
    const note = this.#note
    const entry = note.candidates[note.candidateCount]
    if (entry === undefined) return
    const until = this.#blocks.blockedUntil(this.#child.peer, candidate.peer)
    note.candidateCount++
    entry.peer = candidate.peer.id
    entry.isCdn = candidate.peer.isCdn
    entry.blockedForMs = until === undefined ? 0 : until - note.at
    entry.verdict = this.#verdictOn(candidate, until !== undefined)
  }

  #verdictOn(candidate: Member, isBlocked: boolean): Candidate['verdict'] {
    const { peer, held } = candidate
    if (!held.has(this.#note.piece)) return 'lacking'
    if (candidate.isShut) return 'shut'
    if (isBlocked) return 'blocked'
    if (!candidate.hasFreeSlot) return 'busy'
    if (peer.isCdn) return 'spared'
    if (crosses(this.#child, candidate) && !mayCrossWith(this.#child, this.#note.piece)) return 'crossing'
    const { location } = this.#child.peer
    if (remoteness(location, peer) <= remoteness(location, this.#parent.peer)) return 'second'
    const network = networkClass(location, peer)
    if (network === networkClass(location, this.#parent.peer)) return 'farther'
    return network === 'relay' ? 'relayed' : 'outside'
  }
}

function emptyNote(): Note {
  const nobody = '' as PeerId
  return {
    at: 0,
    task: '' as Note['task'],
    child: nobody,
    parent: nobody,
    piece: 0,
    basis: 'peer',
    order: 'rarest-first',
    priority: 'foreground',
    openSince: 0,
    trigger: 'tick',
    triggerPeer: undefined,
    peers: 0,
    holders: 0,
    copies: 0,
    candidates: Array.from({ length: MOST_CANDIDATES }, () => ({ peer: nobody, isCdn: false, verdict: 'busy' as const, blockedForMs: 0 })),
    candidateCount: 0,
  }
}
