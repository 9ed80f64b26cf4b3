import type { PeerId, TaskId } from '@damselfly/shared'
import type { AdmissionPolicy } from '../policies/admission.ts'
import { blend, UNKNOWN } from './average.ts'
import { Copies } from './copies.ts'
import { IndexSet } from './index-set.ts'
import { type Assignment, Member } from './member.ts'
import type { LocalCopies } from './local-copies.ts'
import { Locations } from './locations.ts'
import { Neighbourhoods } from './neighbourhoods.ts'
import { Pace } from './pace.ts'
import type { Peer } from './peer.ts'
import { Counts } from './counts.ts'
import { PieceSeats } from './piece-seats.ts'
import { Seats } from './seats.ts'
import { WaitingRoom } from './waiting-room.ts'

/** While a content's length is unknown, no piece past this is believed in: memory is taken for each. */
const MOST_REVEALED_PIECES = 1 << 20

/** The peers of one task and how its pieces are spread among them. */
export class Swarm {
  readonly id: TaskId
  readonly members: Map<PeerId, Member> = new Map()
  readonly seats: Seats = new Seats()
  readonly cdns: Set<Member> = new Set()
  readonly children: Set<Member> = new Set()
  /** Children with credits left over. */
  readonly waiting: WaitingRoom = new WaitingRoom()
  /** Seats of those that have a free slot and at least one piece, without the CDN; empty while there are no children. */
  readonly free: IndexSet = new IndexSet()
  /** Who holds each piece. */
  readonly holders: PieceSeats = new PieceSeats()
  /** Which children need each piece and are not fetching it. */
  readonly seekers: PieceSeats = new PieceSeats()
  /** How many pieces each member holds, by its seat. */
  readonly heldCounts: Counts = new Counts()
  readonly neighbourhoods: Neighbourhoods = new Neighbourhoods()
  readonly copies: Copies = new Copies()
  readonly #locations = new Locations()
  /** How many children need the piece and are not fetching it. */
  readonly needs: Counts = new Counts()
  /** How long bytes take from peer to peer. */
  readonly pace: Pace = new Pace()
  /** Members that send so much slower than the CDN that waiting for them is no use. */
  readonly slow: Set<Member> = new Set()
  /** Where some piece lost its last copy, or something stopped crossing, so that those who wait there may be served. */
  readonly deprived: Set<LocalCopies> = new Set()
  /** Where the search for a waiting child begins, so that each gets its turn. */
  turn = 0
  pieceCount: number | undefined
  /** Bytes. */
  pieceSize = 0
  originFailed = false
  /** Pieces that peers have given. */
  peerCopies = 0
  /** Pieces that the CDN has given although the swarm had them. */
  spareCopies = 0
  #cdnRate = UNKNOWN
  #peerThroughput = UNKNOWN
  #peersAreSlow = false

  constructor(id: TaskId) {
    this.id = id
  }

  /** Whether some member's location is known. */
  get hasLocations(): boolean {
    return this.#locations.count > 0
  }

  /** Whether some members are nearer to each other than to others. */
  get hasPlaces(): boolean {
    return this.hasLocations || this.#locations.networks > 1
  }

  /** Whether peers are slow on the whole. */
  get peersAreSlow(): boolean {
    return this.#peersAreSlow
  }

  member(peer: Peer): Member {
    const known = this.members.get(peer.id)
    if (known !== undefined) return known
    const member = this.seats.fill((seat) => new Member(peer, this, seat))
    this.members.set(peer.id, member)
    this.neighbourhoods.add(member)
    member.local = this.#locations.enter(peer)
    peer.memberships.set(this.id, member)
    if (this.children.size > 0) peer.active.add(member)
    if (peer.isCdn) this.cdns.add(member)
    return member
  }

  /** Takes out a member that holds nothing, fetches nothing and sends nothing. */
  remove(member: Member): void {
    this.members.delete(member.peer.id)
    this.neighbourhoods.delete(member)
    this.#locations.leave(member.peer)
    this.seats.leave(member)
    this.cdns.delete(member)
    this.slow.delete(member)
    member.peer.memberships.delete(this.id)
    member.peer.active.delete(member)
  }

  hasPiece(piece: number): boolean {
    return Number.isInteger(piece) && piece >= 0 && piece < this.copies.size
  }

  /** While the length is unknown, a piece of the CDN shows that there are at least so many. */
  reveal(piece: number): void {
    if (this.pieceCount !== undefined || piece < this.copies.size || piece >= MOST_REVEALED_PIECES) return
    this.resize(piece + 1)
  }

  /** Pieces past the end must have been taken from everybody before. */
  resize(size: number): void {
    const before = this.copies.size
    this.copies.resize(size)
    for (const member of this.children) {
      for (let piece = before; piece < size; piece++) if (!member.held.has(piece)) this.need(member, piece)
      for (let piece = size; piece < before; piece++) this.unneed(member, piece)
      this.queue(member)
    }
  }

  /** Lets a child wait, or no longer, as its credits, needs and fetches are. */
  queue(member: Member): void {
    this.waiting.update(member)
  }

  need(member: Member, piece: number): void {
    if (member.child?.need.add(piece) !== true) return
    this.needs.change(piece, 1)
    this.seekers.add(piece, member.seat)
  }

  unneed(member: Member, piece: number): void {
    if (member.child?.need.delete(piece) !== true) return
    this.needs.change(piece, -1)
    this.seekers.delete(piece, member.seat)
  }

  /** @returns whether the member did not have the piece before. */
  gain(member: Member, piece: number): boolean {
    if (!member.held.add(piece)) return false
    this.holders.add(piece, member.seat)
    this.heldCounts.change(member.seat, 1)
    this.unneed(member, piece)
    this.queue(member)
    if (member.passesOn) this.#addHolder(member, piece)
    if (member.held.count === 1) this.listParent(member)
    return true
  }

  lose(member: Member, piece: number): void {
    if (!member.held.delete(piece)) return
    this.holders.delete(piece, member.seat)
    this.heldCounts.change(member.seat, -1)
    if (member.child?.fetches.of(piece) === undefined) this.need(member, piece)
    if (member.held.count === 0) this.free.delete(member.seat)
    if (member.passesOn) this.#dropHolder(member, piece)
  }

  #addHolder({ local }: Member, piece: number): void {
    this.copies.addHolder(piece)
    local?.add(piece)
  }

  #dropHolder({ local }: Member, piece: number): void {
    this.copies.dropHolder(piece)
    if (local?.drop(piece) === true) this.deprived.add(local)
  }

  /** Lists the member among those with a free slot, if it belongs there. */
  listParent(member: Member): void {
    if (this.children.size === 0 || member.held.count === 0) return
    if (member.passesOn && member.hasFreeSlot) this.free.add(member.seat)
  }

  /** After the member's slots, or who may use them, changed. */
  relistParent(member: Member): void {
    if (member.hasFreeSlot) this.listParent(member)
    else this.free.delete(member.seat)
  }

  /** With the first child of a swarm its members become candidates for each free slot. */
  addChild(member: Member): void {
    this.children.add(member)
    if (this.children.size === 2) for (const each of this.members.values()) this.relistParent(each)
    if (this.children.size > 1) return
    for (const each of this.members.values()) {
      each.peer.active.add(each)
      this.listParent(each)
    }
  }

  removeChild(member: Member): void {
    for (const piece of member.child?.need.members() ?? []) this.unneed(member, piece)
    this.queue(member)
    if (!this.children.delete(member)) return
    if (this.children.size === 1) for (const each of this.members.values()) this.relistParent(each)
    if (this.children.size > 0) return
    for (const each of this.members.values()) {
      each.peer.active.delete(each)
      this.free.delete(each.seat)
    }
  }

  /** An assignment to a child that can pass the piece on counts as a copy to come. */
  countReceiver(assignment: Assignment): void {
    if (assignment.counted || assignment.overdue || assignment.forsaken || !assignment.child.passesOn) return
    assignment.counted = true
    this.copies.addReceiver(assignment.piece)
    assignment.child.local?.add(assignment.piece)
  }

  /** @returns whether it was counted. */
  uncountReceiver(assignment: Assignment): boolean {
    if (!assignment.counted) return false
    assignment.counted = false
    this.copies.dropReceiver(assignment.piece)
    const { local } = assignment.child
    if (local?.drop(assignment.piece) === true) this.deprived.add(local)
    return true
  }

  /** Takes all that a member has out of the count, before its capacity changes. */
  uncount(member: Member): void {
    this.free.delete(member.seat)
    this.cdns.delete(member)
    this.neighbourhoods.delete(member)
    if (member.passesOn) for (const piece of member.held.members()) this.#dropHolder(member, piece)
    for (const assignment of member.child?.fetches ?? []) this.uncountReceiver(assignment)
    this.#locations.leave(member.peer)
  }

  /** Puts all that a member has into the count, after its capacity changed. */
  count(member: Member): void {
    if (member.peer.isCdn) this.cdns.add(member)
    this.neighbourhoods.add(member)
    member.local = this.#locations.enter(member.peer)
    if (member.passesOn) for (const piece of member.held.members()) this.#addHolder(member, piece)
    for (const assignment of member.child?.fetches ?? []) this.countReceiver(assignment)
    this.listParent(member)
  }

  /**
   * Learns from a transfer that went well.
   * @param rate in bytes per millisecond
   * @param admission says whether peers with such a throughput are slow, given the CDN's rate
   */
  measure(parent: Member, rate: number, admission: Pick<AdmissionPolicy, 'isSlow'>): void {
    if (parent.peer.isCdn) {
      this.#cdnRate = blend(this.#cdnRate, rate)
      return
    }
    const throughput = parent.peer.uplink.throughput ?? rate
    this.peerCopies++
    this.#peerThroughput = blend(this.#peerThroughput, throughput)
    if (Number.isNaN(this.#cdnRate)) return
    this.#peersAreSlow = admission.isSlow(this.#peerThroughput, this.#cdnRate)
    if (admission.isSlow(throughput, this.#cdnRate)) this.slow.add(parent)
    else this.slow.delete(parent)
  }
}
