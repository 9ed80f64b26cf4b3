import type { PieceOrder } from '../contract.ts'
import type { Peer } from './peer.ts'
import { PieceSet } from './piece-set.ts'
import type { Swarm } from './swarm.ts'

/** A piece on its way from a parent to a child. */
export interface Assignment {
  readonly child: Member
  readonly parent: Member
  readonly piece: number
  readonly startedAt: number
  readonly fromCdn: boolean
  /** Whether it counts as a copy of the piece. */
  counted: boolean
  /** It takes so long that nobody should wait for it. */
  overdue: boolean
  ended: boolean
}

/** What a member has and does while it wants pieces. */
export interface Childhood {
  order: PieceOrder
  /** Pieces neither held nor under way. */
  readonly need: PieceSet
  readonly fetching: Map<number, Assignment>
  credits: number
  cdnInFlight: number
  cdnTotal: number
  toldBackToSource: boolean
}

/** One peer in one swarm. */
export class Member {
  readonly peer: Peer
  readonly swarm: Swarm
  readonly held: PieceSet = new PieceSet()
  readonly uploads: Set<Assignment> = new Set()
  child: Childhood | undefined

  constructor(peer: Peer, swarm: Swarm) {
    this.peer = peer
    this.swarm = swarm
  }

  /** Whether what it holds counts as copies in the swarm. */
  get passesOn(): boolean {
    return this.peer.canServe && !this.peer.isCdn
  }
}
