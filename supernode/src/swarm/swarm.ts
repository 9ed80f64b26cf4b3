import { Bitset, digestsEqual, type Clock, type DamselflyError, type PeerId, type Priority, type Sha256, type TaskId } from '@damselfly/shared'
import type { ContentSpec, OriginValidators } from '@damselfly/cdn'
import type { PieceOrder, SchedulerEvent } from '@damselfly/scheduler'
import type { SupernodeNews } from '../control/outbox.ts'
import { FreshNews } from './fresh-news.ts'
import { GrowingSet } from './growing-set.ts'
import { Member, type ChildAccess, type ChildRole, type ClaimBudget, type MemberInit } from './member.ts'
import { digestNews, failureNews, headNews, manifestNews, priorityNews, snapshotNews } from './swarm-news.ts'
import { TaskContent } from './task-content.ts'
import { VouchedPieces } from './vouched-pieces.ts'

/** What a swarm needs of its surroundings. */
export interface SwarmPorts {
  /** The CDN's own place among the peers. */
  readonly cdnPeer: PeerId
  /** How many peers must vouch for the same digest before it is trusted. */
  readonly announceQuorum: number
  /** How many more pieces may be known by the peers' word alone, in all swarms. */
  readonly vouched: ClaimBudget
  readonly clock: Clock
  schedule(event: SchedulerEvent): void
  send(peer: PeerId, news: SupernodeNews): void
  /** Whether a rule forbids the peer to be a parent of such a content. */
  isUploadBlocked(peer: PeerId, spec: ContentSpec): boolean
  /** What a rule makes of the priority of the peer's downloads of such a content. */
  ruledPriority(peer: PeerId, spec: ContentSpec): Priority | undefined
  /** Strangers may have the content no more, who could have it before. */
  turnedPrivate(taskId: TaskId): void
  /** The peer is no longer in this swarm. */
  memberGone(peer: PeerId, taskId: TaskId): void
}

export type PieceDigest = readonly [index: number, digest: Sha256]

/** The peers of one task and what is known of its content. */
export class Swarm {
  readonly taskId: TaskId
  /** As it was asked for first, or as it is fetched. */
  spec: ContentSpec
  /** Of the URL that the digests come from; callers of another must wait until a digest-given content is verified. */
  sourceOrigin: string | undefined
  readonly #ports: SwarmPorts
  readonly #members = new Map<PeerId, Member>()
  /** Those of them that want pieces. */
  readonly #children = new Set<Member>()
  readonly #fresh: FreshNews
  #content = new TaskContent()
  #cdnPieces = new GrowingSet()
  #isVerified = false
  #isPassedOn = false
  readonly #vouched: VouchedPieces
  /** How many members that serve hold each piece. */
  #holders: number[] = []

  constructor(spec: ContentSpec, ports: SwarmPorts) {
    this.taskId = spec.taskId
    this.spec = spec
    this.#ports = ports
    this.#vouched = new VouchedPieces(ports.vouched)
    this.#fresh = new FreshNews(ports.clock, () => this.#sendNews())
  }

  get content(): TaskContent {
    return this.#content
  }

  get members(): ReadonlyMap<PeerId, Member> {
    return this.#members
  }

  get cdnPieceCount(): number {
    return this.#cdnPieces.count
  }

  /** Whether everybody may have the pieces: a content given by its digest must have been compared with it. */
  get isVerified(): boolean {
    return this.#isVerified || this.spec.expectedDigest === undefined
  }

  get hasChildren(): boolean {
    return this.#children.size > 0
  }

  get children(): Iterable<Member> {
    return this.#children
  }

  /** Children that could take a piece and have none to fetch. */
  waitingChildren(): Member[] {
    const pieceCount = this.#content.layout?.pieceCount ?? Number.POSITIVE_INFINITY
    const waits = ({ child, possession }: Member): boolean => child?.assignments.size === 0 && possession.count < pieceCount
    return [...this.#children].filter(waits)
  }

  /** Whether every piece has a trusted digest and somebody who holds it. */
  get isAvailable(): boolean {
    const { layout, hasAllDigests } = this.#content
    if (layout === undefined || !hasAllDigests) return false
    for (let index = 0; index < layout.pieceCount; index++) if (!this.#cdnPieces.has(index) && this.holdersOf(index) === 0) return false
    return true
  }

  /** Whether one of the other members serves a piece that the child lacks. @param isUsable by this child */
  canServe(child: Member, isUsable: (parent: PeerId) => boolean): boolean {
    for (const parent of this.#members.values()) {
      if (parent === child || !parent.serves || !isUsable(parent.peer)) continue
      if (parent.possession.hasOtherThan(child.possession)) return true
    }
    return false
  }

  /** Peers beside the CDN that hold the piece and serve. */
  holdersOf(index: number): number {
    return this.#holders[index] ?? 0
  }

  // --- what is known of the content ---

  /**
   * Says what the content is, or that it can be brought again.
   *
   * @throws RangeError when the length and piece size do not go together
   */
  describe(pieceSize: number, contentLength: number | undefined, validators: OriginValidators): void {
    this.#content.validators = validators
    const lengthWasKnown = this.#content.layout !== undefined
    this.#content.pieceSize = pieceSize
    if (contentLength !== undefined && !lengthWasKnown) {
      this.#content.setLength(contentLength, pieceSize)
      this.#fresh.addLength()
    }
    const pieceCount = this.#content.layout?.pieceCount
    this.#ports.schedule({ type: 'task-registered', task: this.taskId, pieceCount, pieceSize })
  }

  /** The origin was found to refuse strangers, whatever it did before. */
  turnPrivate(): void {
    if (!this.#content.isPrivate) this.#ports.turnedPrivate(this.taskId)
    this.#content.isPrivate = true
  }

  /** The origin can bring no further piece now. */
  originFailed(): void {
    if (this.#content.pieceSize !== undefined) this.#ports.schedule({ type: 'origin-failed', task: this.taskId })
  }

  /** These digests are right: they come from our own CDN or from a manifest that we signed. @param isVouched enough peers agree on them instead */
  trust(digests: Iterable<PieceDigest>, isVouched = false): void {
    const fresh = [...digests].filter(([index, digest]) => this.#content.setDigest(index, digest) !== 'same')
    if (fresh.length === 0) return
    for (const [index] of fresh) this.#fresh.addDigest(index)
    for (const member of this.#members.values()) {
      if (member.claims.size > 0) this.#possess(member, fresh.filter((piece) => member.settle(...piece, isVouched)).map(([index]) => index))
    }
  }

  /** The CDN holds these verified pieces. */
  cdnHolds(digests: readonly PieceDigest[]): void {
    this.trust(digests)
    const pieces = digests.map(([index]) => index).filter((index) => this.#cdnPieces.add(index))
    if (pieces.length === 0) return
    this.#ports.schedule({ type: 'pieces-available', task: this.taskId, peer: this.#ports.cdnPeer, pieces })
  }

  /** The origin has every piece, and the peers are to fetch them: to the scheduler it stands in the CDN's place. */
  passOn(): void {
    const { layout } = this.#content
    if (layout === undefined || this.#isPassedOn) return
    this.#isPassedOn = true
    this.#ports.schedule({ type: 'pieces-available', task: this.taskId, peer: this.#ports.cdnPeer, pieces: Bitset.full(layout.pieceCount) })
  }

  /** Whether pieces that come from the CDN come from the origin in truth. */
  get isPassedOn(): boolean {
    return this.#isPassedOn
  }

  /** What a peer found in a piece that it was sent to the origin for. @returns whether it was, and is the first to tell */
  found(member: Member, index: number, digest: Sha256): boolean {
    if (!this.#isPassedOn || member.child?.assignments.has(index) !== true || this.#content.digest(index) !== undefined) return false
    this.trust([[index, digest]])
    return true
  }

  /** The CDN has deleted its copy. */
  cdnDropped(): void {
    if (this.#cdnPieces.count === 0) return
    this.#cdnPieces.clear()
    this.#ports.schedule({ type: 'pieces-dropped', task: this.taskId, peer: this.#ports.cdnPeer })
  }

  /** The content is what the callers asked for. @param contentDigest that the whole was found to have, if anybody asked for it */
  verified(contentDigest: Sha256 | undefined): void {
    this.#content.contentDigest = contentDigest
    this.#isVerified = true
    for (const member of this.#members.values()) this.#reconsider(member)
  }

  /** Everything is known; everybody in the swarm may keep the proof. */
  completed(signedManifest: Uint8Array): void {
    this.#content.signedManifest = signedManifest
    this.#sendNews()
    for (const { peer } of this.#members.values()) this.#sendAll(peer, manifestNews(this.taskId, this.#content))
  }

  /** Forgets content and members. @param error what the children are told, if they cannot go on */
  reset(error: DamselflyError | undefined): void {
    this.#content = new TaskContent()
    this.#cdnPieces = new GrowingSet()
    this.#isVerified = false
    this.#isPassedOn = false
    this.#holders = []
    this.#vouched.release()
    this.#fresh.take()
    this.sourceOrigin = undefined
    this.#ports.schedule({ type: 'task-removed', task: this.taskId })
    for (const member of this.#members.values()) {
      if (error !== undefined && member.child !== undefined) this.#ports.send(member.peer, failureNews(this.taskId, error))
      this.#remove(member)
    }
  }

  // --- peers ---

  /** The peer wants the content, and gets all that is known of it. */
  joinChild(init: MemberInit, order: PieceOrder, access: ChildAccess): Member {
    const { peer } = init
    this.leaveChild(peer)
    const member = this.joinHolder(init)
    const ruledPriority = this.#ports.ruledPriority(peer, this.spec)
    member.child = { order, access, priority: 'foreground', ruledPriority, assignments: new Set() }
    this.#children.add(member)
    this.#ports.schedule({ type: 'child-joined', task: this.taskId, peer, order })
    this.#tellIfShut(member)
    this.#sendAll(peer, snapshotNews(this.taskId, this.#content))
    if (ruledPriority !== undefined) this.#ports.send(peer, priorityNews(this.taskId, ruledPriority))
    return member
  }

  /** The peer holds the task, whole or in part. */
  joinHolder(init: MemberInit): Member {
    const known = this.#members.get(init.peer)
    if (known !== undefined) return known
    const member = new Member(init)
    member.isShut = this.#ports.isUploadBlocked(init.peer, this.spec)
    this.#members.set(init.peer, member)
    return member
  }

  /** A rule forbids the member to be a parent, or no rule does any more. */
  shutUploads(member: Member, isShut: boolean): void {
    if (member.isShut === isShut) return
    this.#countHeld(member, -1)
    member.isShut = isShut
    this.#countHeld(member, 1)
    this.#ports.schedule({ type: 'uploads-shut', task: this.taskId, peer: member.peer, isShut })
  }

  /** The child may not have the content any more, and is told why. */
  expelChild(peer: PeerId, error: DamselflyError): void {
    this.#ports.send(peer, failureNews(this.taskId, error))
    this.leaveChild(peer)
  }

  /** The member says that it holds these pieces; `digest` is what it computed itself, if it tells. */
  claim(member: Member, pieces: Iterable<readonly [index: number, digest: Sha256 | undefined]>): void {
    const held: number[] = []
    for (const [index, digest] of pieces) {
      if (!this.#content.hasPiece(index)) continue
      const trusted = this.#content.digest(index)
      if (trusted === undefined) member.claim(index, digest)
      else if (digest === undefined || digestsEqual(trusted, digest)) held.push(index)
    }
    this.#possess(member, held)
    this.#reconsider(member)
  }

  /** What the member found the whole content's digest to be; a quorum stands in for our own comparison. */
  claimContentDigest(member: Member, digest: Sha256): void {
    member.contentDigest = digest
    const expected = this.spec.expectedDigest
    if (this.isVerified || expected === undefined || !digestsEqual(digest, expected)) return
    const agreeing = [...this.#members.values()].filter((other) => other.found(expected))
    if (agreeing.length >= this.#ports.announceQuorum) this.verified(expected)
  }

  /** The child can take so many more pieces. @param priority undefined: as before @param from the piece at which it reads; undefined: as before */
  wants(peer: PeerId, count: number, priority?: Priority, from?: number): void {
    const child = this.#members.get(peer)?.child
    if (child === undefined || (count === 0 && child.priority === priority && from === undefined)) return
    child.priority = priority ?? child.priority
    this.#askFor(peer, child, count, from)
  }

  /** A rule says how urgent the child's download is, or none does any more: then its own word counts. */
  rulePriority(peer: PeerId, priority: Priority | undefined): void {
    const child = this.#members.get(peer)?.child
    if (child === undefined || child.ruledPriority === priority) return
    child.ruledPriority = priority
    this.#ports.send(peer, priorityNews(this.taskId, priority))
    this.#askFor(peer, child, 0)
  }

  #askFor(peer: PeerId, { priority, ruledPriority = priority }: ChildRole, count: number, from?: number): void {
    this.#ports.schedule({ type: 'pieces-wanted', task: this.taskId, peer, count, priority: ruledPriority, from })
  }

  assigned(child: PeerId, piece: number): void {
    this.#members.get(child)?.child?.assignments.add(piece)
  }

  /** The child has answered for the piece, or it was taken back. */
  settleAssignment(child: PeerId, piece: number): void {
    this.#members.get(child)?.child?.assignments.delete(piece)
  }

  /** The child wants no more; what it holds stays on offer. */
  leaveChild(peer: PeerId): void {
    const member = this.#members.get(peer)
    if (member?.child === undefined) return
    member.child = undefined
    this.#children.delete(member)
    this.#ports.schedule({ type: 'child-left', task: this.taskId, peer })
    if (member.possession.count === 0 && member.claims.size === 0) this.#remove(member)
  }

  /** The peer no longer holds the task. */
  drop(peer: PeerId): void {
    const member = this.#members.get(peer)
    if (member === undefined) return
    if (member.child !== undefined) this.#ports.schedule({ type: 'child-left', task: this.taskId, peer })
    this.#ports.schedule({ type: 'pieces-dropped', task: this.taskId, peer })
    this.#remove(member)
  }

  /** The peer's channel ended; the scheduler hears of that once for all tasks. */
  disconnected(peer: PeerId): void {
    const member = this.#members.get(peer)
    if (member !== undefined) this.#remove(member)
  }

  #remove(member: Member): void {
    this.#members.delete(member.peer)
    this.#children.delete(member)
    this.#countHeld(member, -1)
    member.release()
    this.#ports.memberGone(member.peer, this.taskId)
  }

  /** The scheduler forgets members that have and want nothing, and with them what it was told. */
  #tellIfShut({ peer, isShut }: Member): void {
    if (isShut) this.#ports.schedule({ type: 'uploads-shut', task: this.taskId, peer, isShut })
  }

  #countHeld(member: Member, change: 1 | -1): void {
    if (!member.serves) return
    for (const index of member.possession.members()) this.#holders[index] = Math.max(0, this.holdersOf(index) + change)
  }

  #possess(member: Member, pieces: readonly number[]): void {
    const fresh = pieces.filter((index) => member.possession.add(index))
    if (fresh.length === 0) return
    if (member.serves) for (const index of fresh) this.#holders[index] = this.holdersOf(index) + 1
    this.#tellIfShut(member)
    this.#ports.schedule({ type: 'pieces-available', task: this.taskId, peer: member.peer, pieces: fresh })
  }

  /** Trusts what enough members vouch for. */
  #reconsider(member: Member): void {
    if (!this.#mayVouch(member)) return
    const agreed = [...member.claims].filter((claim): claim is [number, Sha256] => {
      const [index, digest] = claim
      return digest !== undefined && this.#vouchers(index, digest) >= this.#ports.announceQuorum
    })
    if (this.#vouched.take(agreed.length)) this.trust(agreed, true)
  }

  #vouchers(index: number, digest: Sha256): number {
    let count = 0
    for (const member of this.#members.values()) if (member.vouchesFor(index, digest) && this.#mayVouch(member)) count++
    return count
  }

  /** Before a digest-given content is verified, one origin's callers cannot speak for another's. */
  #mayVouch(member: Member): boolean {
    return this.isVerified || member.origin === this.sourceOrigin
  }

  #sendNews(): void {
    const { lengthIsKnown, pieces } = this.#fresh.take()
    const head = lengthIsKnown ? headNews(this.taskId, this.#content) : []
    const news = [...head, ...digestNews(this.taskId, this.#content, pieces)]
    if (news.length === 0) return
    for (const { peer } of this.#children) this.#sendAll(peer, news)
  }

  #sendAll(peer: PeerId, news: readonly SupernodeNews[]): void {
    for (const one of news) this.#ports.send(peer, one)
  }
}
