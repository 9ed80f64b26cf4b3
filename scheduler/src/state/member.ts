import type { Priority } from '@damselfly/shared'
import type { PieceOrder } from '../contract.ts'
import { UNKNOWN } from './average.ts'
import type { FetchList } from './fetch-list.ts'
import { IndexSet } from './index-set.ts'
import type { LocalCopies } from './local-copies.ts'
import type { Peer } from './peer.ts'
import type { Swarm } from './swarm.ts'
import { UploadList } from './upload-list.ts'

/** A piece on its way from a parent to a child. */
export interface Assignment {
  readonly child: Member
  readonly parent: Member
  readonly piece: number
  readonly startedAt: number
  /** The parent's `loadAt` when it began. */
  readonly loadAtStart: number
  readonly fromCdn: boolean
  /** The child's location, if the parent is in another one. */
  readonly crossingInto: LocalCopies | undefined
  /** By which the observer knows it. */
  readonly decision: number
  /** Whether it counts as a copy of the piece. */
  counted: boolean
  /** It takes so long that nobody should wait for it. */
  overdue: boolean
  /** It takes so long that it no longer counts as a burden of its parent's uplink. */
  late: boolean
  /** Its parent is gone, has dropped the task or may not upload it: what comes of it the child will say. */
  forsaken: boolean
  ended: boolean
  /** Its neighbours in the list of what the parent sends. */
  nextUpload: Assignment | undefined
  previousUpload: Assignment | undefined
  /** What else is under way to the child. */
  nextFetch: Assignment | undefined
}

/** What a member has and does while it wants pieces. */
export interface Childhood {
  order: PieceOrder
  /** The piece at which somebody reads in order: what comes from there on is wanted first. */
  from: number
  priority: Priority
  /** Pieces neither held nor under way. */
  readonly need: IndexSet
  /** What is under way to it. */
  readonly fetches: FetchList
  credits: number
  /** Since when it has credits. */
  openSince: number
  cdnInFlight: number
  cdnTotal: number
  toldBackToSource: boolean
  /** Since when nothing is under way although something could be; only in a known location. */
  idleSince: number | undefined
  /** It has idled so long that what its own location has may come from another one. */
  isPatienceOver: boolean
}

/** One peer in one swarm. */
export class Member {
  readonly peer: Peer
  readonly swarm: Swarm
  /** A small number that stands for it in the swarm's sets. */
  readonly seat: number
  readonly held: IndexSet = new IndexSet()
  readonly uploads: UploadList = new UploadList()
  child: Childhood | undefined
  /** How long its own downloads take it. */
  ownPace: number = UNKNOWN
  /** Somebody forbade it to be a parent here. */
  isShut = false
  /** Undefined where its location is unknown. */
  local: LocalCopies | undefined
  /** Where it waits in the swarm's waiting room; undefined if it does not. */
  rank: number | undefined

  constructor(peer: Peer, swarm: Swarm, seat: number) {
    this.peer = peer
    this.swarm = swarm
    this.seat = seat
  }

  /**
   * Whether it can begin to send one more piece in this swarm. Where few uploads at once fill an uplink it is only others
   * that further ones would slow down: a child that has no company gets all slots.
   */
  get hasFreeSlot(): boolean {
    if (this.isShut) return false
    return this.swarm.children.size <= 1 ? this.peer.hasFreeSlot : this.peer.hasSharedSlot
  }

  /** Whether what it holds counts as copies in the swarm. */
  get passesOn(): boolean {
    return this.peer.canServe && !this.peer.isCdn && !this.isShut
  }
}
