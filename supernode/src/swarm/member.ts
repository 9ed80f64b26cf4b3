import { digestsEqual, type HeaderMap, type PeerId, type Priority, type Sha256 } from '@damselfly/shared'
import type { ContentSpec } from '@damselfly/cdn'
import type { PieceOrder } from '@damselfly/scheduler'
import { GrowingSet } from './growing-set.ts'

/** As whom a child asks its origin, and how long that lets it have a private content. */
export interface ChildAccess {
  readonly spec: ContentSpec
  readonly credentials: HeaderMap
  /** On the clock's scale; milliseconds. What is over already was never asked for. */
  allowedUntil: number
}

/** What a child wants of a swarm, while it wants it. */
export interface ChildRole {
  readonly order: PieceOrder
  /** As it said last. */
  priority: Priority
  /** As a rule says, whatever it says itself. */
  ruledPriority: Priority | undefined
  readonly access: ChildAccess
  /** Pieces that were assigned to it and that it has not answered for. */
  readonly assignments: Set<number>
}

/** How many more claims that nobody confirmed a peer may have, over all its tasks. */
export interface ClaimBudget {
  left: number
}

/** What a peer brings into a swarm. */
export interface MemberInit {
  readonly peer: PeerId
  /** Scheme, host and port of the URL that it gave for this task. */
  readonly origin: string
  /** Whether it sends pieces at all. */
  readonly canServe: boolean
  readonly budget: ClaimBudget
}

/** One peer in a swarm: what it holds, what it vouches for, and whether it wants more. */
export class Member {
  readonly peer: PeerId
  readonly origin: string
  readonly canServe: boolean
  /** A rule forbids it to be a parent here. */
  isShut = false
  /** Undefined for a peer that only holds. */
  child: ChildRole | undefined
  /** Pieces that it holds with the trusted digest. */
  readonly possession: GrowingSet = new GrowingSet()
  /** What it found the whole content's digest to be. */
  contentDigest: Sha256 | undefined
  /** Pieces that it says it holds, whose digest is not trusted so far; undefined where it did not tell its own. */
  readonly #claims = new Map<number, Sha256 | undefined>()
  readonly #budget: ClaimBudget
  /** Claims that became known because others agreed, and so go on counting. */
  #agreed = 0

  constructor({ peer, origin, canServe, budget }: MemberInit) {
    this.peer = peer
    this.origin = origin
    this.canServe = canServe
    this.#budget = budget
  }

  /** Whether others may get pieces from it. */
  get serves(): boolean {
    return this.canServe && !this.isShut
  }

  /** @param digest undefined when the peer does not tell. Beyond its budget a claim is ignored. */
  claim(index: number, digest: Sha256 | undefined): void {
    if (!this.#claims.has(index)) {
      if (this.#budget.left <= 0) return
      this.#budget.left--
    }
    this.#claims.set(index, digest ?? this.#claims.get(index))
  }

  get claims(): ReadonlyMap<number, Sha256 | undefined> {
    return this.#claims
  }

  /** Whether it found the whole content to have this digest. */
  found(contentDigest: Sha256): boolean {
    return this.contentDigest !== undefined && digestsEqual(this.contentDigest, contentDigest)
  }

  vouchesFor(index: number, digest: Sha256): boolean {
    const claimed = this.#claims.get(index)
    return claimed !== undefined && digestsEqual(claimed, digest)
  }

  /** The digest of a piece is trusted now. @param isVouched by the peers' word alone @returns whether this peer turns out to hold it. */
  settle(index: number, digest: Sha256, isVouched: boolean): boolean {
    if (!this.#claims.has(index)) return false
    const claimed = this.#claims.get(index)
    this.#claims.delete(index)
    if (isVouched) this.#agreed++
    else this.#budget.left++
    return claimed === undefined || digestsEqual(claimed, digest)
  }

  /** Gives its budget back. */
  release(): void {
    this.#budget.left += this.#claims.size + this.#agreed
    this.#agreed = 0
    this.#claims.clear()
  }
}
