import { DamselflyError, toDamselflyError, type PeerId, type Priority, type Sha256 } from '@damselfly/shared'
import type {
  Assignment,
  ParentInfo,
  Registered,
  TaskControl,
  TaskControlListener,
  TaskNews,
} from '../control/task-control.ts'
import type { StoredTask } from '../store/piece-store.ts'
import { ArrivingContent } from './arriving-content.ts'
import { AssignedWork } from './assigned-work.ts'
import { backToSourceReason, type BackToSourceReason } from './back-to-source-reason.ts'
import { createOriginFetch } from './create-origin-fetch.ts'
import type { OriginFetch } from './origin-fetch.ts'
import { OwnWay } from './own-way.ts'
import { ParentProgress } from './parent-progress.ts'
import { PieceDeadline } from './piece-deadline.ts'
import { isFinal, isOriginTrouble, isSpoiled } from './refusals.ts'
import { SelfHelp } from './self-help.ts'
import { whyAlone, type Standing } from './standing.ts'
import { firstMissing } from './stored-content.ts'
import { SupernodePatience } from './supernode-patience.ts'
import type { DownloadDependencies, DownloadTask } from './task-download.ts'
import type { ReadingPositions } from './reading-positions.ts'
import type { TransferAccount } from './transfer-account.ts'

export interface AttemptOptions {
  readonly dependencies: DownloadDependencies
  readonly task: DownloadTask
  readonly account: TransferAccount
  readonly positions: ReadingPositions
  /** What is here of the content and may be completed. */
  readonly existing: StoredTask | undefined
  /** Lets go of a stored task that may be of another version. */
  readonly beforePrepare: () => void
  readonly onPrepared: (stored: StoredTask) => void
  readonly onBackToSource: (reason: BackToSourceReason) => void
}

/** A download for which nothing comes for so long, whatever the supernode says, is given up; milliseconds. */
const LONGEST_IDLE = 300_000

/**
 * One try at getting a whole content: assignments while the supernode helps, the peer's own way while it does
 * not. All write into the same stored task.
 *
 *     joining --answered--> joined --lost, refused--> away --restored--> joining
 *
 *     joining, joined: silence or the supernode's word starts the own way, an assignment stops it
 *     away:            the own way, again and again, until the content is whole or it fails
 */
export class DownloadAttempt implements TaskControlListener {
  readonly #options: AttemptOptions
  readonly #work = new AbortController()
  readonly #failure = Promise.withResolvers<never>()
  readonly #tasks = new Set<Promise<void>>()
  readonly #patience: SupernodePatience
  readonly #control: TaskControl | undefined
  readonly #content: ArrivingContent
  readonly #selfHelp: SelfHelp
  #assigned: AssignedWork | undefined
  #standing: Standing = { type: 'joining', sentBack: undefined }
  /** Counts the talks with the supernode, so that what belongs to an earlier one is known to be void. */
  #round = 0
  #fetchedAtCdn = 0
  #ruledPriority: Priority | undefined

  constructor(options: AttemptOptions) {
    this.#options = options
    const { control, clock } = options.dependencies
    const { signal } = this.#work
    this.#content = new ArrivingContent({ ...options, signal })
    this.#content.whenPrepared((stored) => {
      this.#assigned = this.#createAssignedWork(stored)
    })
    options.positions.tell(() => this.#assigned?.readerBegan())
    this.#control = control?.task(options.task.taskId, this)
    this.#patience = new SupernodePatience({
      clock,
      onSilent: () => this.#supernodeSilent(),
      onFruitless: (idleMs) => this.#fruitless(idleMs),
    })
    this.#selfHelp = new SelfHelp({
      content: this.#content,
      createOwnWay: (reason) => this.#createOwnWay(reason),
      assigned: () => this.#assigned,
      standing: () => this.#standing,
      spawn: (work) => this.#spawn(work),
      fail: (error) => this.#fail(error),
      clock,
      signal,
    })
    this.#failure.promise.catch(() => undefined)
  }

  /** @returns the stored task with every piece verified. @throws DamselflyError; the signal's reason */
  async run(signal: AbortSignal): Promise<StoredTask> {
    const aborted = (): void => this.#fail(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      signal.throwIfAborted()
      this.#begin()
      await Promise.race([this.#content.complete, this.#failure.promise])
      return this.#content.stored as StoredTask
    } finally {
      signal.removeEventListener('abort', aborted)
      await this.#end()
    }
  }

  // --- the supernode speaks -------------------------------------------------

  parent(parent: ParentInfo): void {
    this.#showedLife()
    this.#whenPrepared((assigned) => assigned.addParent(parent))
  }

  assigned(assignment: Assignment): void {
    this.#patience.progress()
    this.#selfHelp.stop()
    this.#setSentBack(undefined)
    if (!this.#learnDigests([assignment])) return
    const round = this.#round
    this.#whenPrepared((assigned) => {
      if (round === this.#round) assigned.assign(assignment)
    })
  }

  sentToOrigin(index: number): void {
    this.#patience.progress()
    this.#selfHelp.stop()
    this.#setSentBack(undefined)
    const round = this.#round
    this.#whenPrepared((assigned) => {
      if (round !== this.#round) return
      if (this.#options.task.backToSource) this.#options.onBackToSource('passthrough')
      assigned.assignOrigin(index)
    })
  }

  cancelled(index: number, parent: PeerId): void {
    this.#whenPrepared((assigned) => assigned.cancel(index, parent))
  }

  news(news: TaskNews): void {
    this.#showedLife()
    if (news.fetched > this.#fetchedAtCdn) this.#patience.progress()
    this.#fetchedAtCdn = news.fetched
    if (news.ruledPriority !== undefined) this.#ruledPriority = news.ruledPriority === 'any' ? undefined : news.ruledPriority
    if (!this.#learnDigests(news.digests)) return
    const state = this.#options.dependencies.control?.state
    const supernode = state?.type === 'connected' ? state.supernode : undefined
    this.#whenPrepared((_, stored) => this.#spawn(this.#content.takeNews(stored, news, supernode)))
    if (news.error === undefined) return
    this.#round++
    if (isSpoiled(news.error)) this.#fail(news.error)
    else this.#refused(news.error)
  }

  backToSource(text: string): void {
    const reason = backToSourceReason(text)
    this.#setSentBack(reason)
    this.#selfHelp.start(reason)
  }

  lost(error: DamselflyError): void {
    this.#round++
    if (this.#standing.type === 'away') return
    if (error.code === 'PEER_NOT_ADMITTED') this.#parted('supernode-refused', error)
    else this.#parted('supernode-lost')
  }

  restored(): void {
    this.#standing = { type: 'joining', sentBack: undefined }
    this.#patience.begin()
    this.#spawn(this.#join())
  }

  // --- joining, and being left alone ----------------------------------------

  #begin(): void {
    const { control } = this.#options.dependencies
    if (control === undefined) return this.#parted('no-supernode')
    this.#patience.begin()
    this.#spawn(control.state.type === 'connected' ? this.#join() : this.#awaitChannel())
  }

  /** A channel that is made meanwhile is told by `restored`. */
  async #awaitChannel(): Promise<void> {
    await this.#options.dependencies.control?.settled(this.#work.signal)
    if (this.#round !== 0) return
    const state = this.#options.dependencies.control?.state
    const refusal = state?.type === 'disconnected' && state.error?.code === 'PEER_NOT_ADMITTED' ? state.error : undefined
    this.#parted(refusal === undefined ? 'supernode-unreachable' : 'supernode-refused', refusal)
  }

  async #join(): Promise<void> {
    const round = ++this.#round
    this.#ruledPriority = undefined
    const { task, existing, positions } = this.#options
    const { taskId, identity, credentials, order } = task
    const held = heldPieces(this.#content.stored ?? existing)
    const wantedFrom = order === 'in-order' ? positions.firstByte : 0
    try {
      const registered = await this.#control?.register({ taskId, identity, credentials, order, wantedFrom, held }, this.#work.signal)
      if (registered !== undefined) await this.#joined(registered, round)
    } catch (error) {
      if (round === this.#round) this.#refused(toDamselflyError(error))
    }
  }

  async #joined(registered: Registered, round: number): Promise<void> {
    this.#showedLife()
    const stored = await this.#content.prepare(registered)
    if (round !== this.#round) return
    if (stored.record.pieceSize !== registered.pieceSize) {
      throw new DamselflyError('PROTOCOL', 'the supernode cuts the content into other pieces')
    }
    if (this.#standing.type === 'joining') this.#standing = { ...this.#standing, type: 'joined' }
    if (registered.isPrivate && !stored.record.isPrivate) await stored.update({ isPrivate: true })
    if (registered.contentLength !== undefined) await this.#content.takeLength(stored, registered.contentLength)
    if (registered.content !== undefined) await this.#content.takeBytes(stored, registered.content)
    this.#assigned?.wantFirst()
  }

  #refused(error: DamselflyError): void {
    if (this.#work.signal.aborted) return
    if (isFinal(error)) return this.#fail(error)
    if (error.code === 'SUPERNODE_UNREACHABLE') this.#parted('supernode-lost', error)
    else this.#parted(isOriginTrouble(error) ? 'origin-failed' : 'supernode-refused', error)
  }

  /** Nothing more is to be expected of the supernode until it is back. */
  #parted(reason: BackToSourceReason, refusal?: DamselflyError): void {
    this.#patience.expectNothing()
    this.#standing = { type: 'away', reason, refusal }
    this.#selfHelp.start(reason)
  }

  /** As long as pieces come, the supernode need not speak. */
  #supernodeSilent(): void {
    if (this.#isFetching) return
    const failure = this.#selfHelp.failureInSilence
    if (failure !== undefined) return this.#fail(failure)
    const isConnected = this.#options.dependencies.control?.state.type === 'connected'
    this.#selfHelp.start(isConnected ? 'supernode-slow' : 'supernode-unreachable')
  }

  /** Whatever it says, nothing comes of it. */
  #fruitless(idleMs: number): void {
    if (this.#isFetching) return
    const reason = whyAlone(this.#standing) ?? 'supernode-slow'
    if (idleMs >= LONGEST_IDLE) this.#fail(this.#selfHelp.failure ?? this.#selfHelp.noSource(reason))
    else this.#selfHelp.start(reason)
  }

  #showedLife(): void {
    this.#patience.signOfLife()
    this.#selfHelp.signOfLife()
  }

  #setSentBack(sentBack: BackToSourceReason | undefined): void {
    if (this.#standing.type !== 'away') this.#standing = { ...this.#standing, sentBack }
  }

  get #isFetching(): boolean {
    return this.#selfHelp.isRunning || (this.#assigned?.running ?? 0) > 0
  }

  // --- parts ----------------------------------------------------------------

  #createAssignedWork(stored: StoredTask): AssignedWork {
    const { dependencies, task, account, positions } = this.#options
    const { openLane, clock, downloadLimiter } = dependencies
    const { taskId } = task
    const priority = (): Priority => this.#ruledPriority ?? task.priority()
    const isHeldBack = (): boolean => downloadLimiter.isHolding(taskId)
    const [deadline, progress] = [new PieceDeadline(), new ParentProgress()]
    return new AssignedWork({
      context: { taskId, stored, openLane, account, deadline, progress, clock, priority, isHeldBack },
      control: this.#control,
      priority: task.priority,
      mostRate: () => downloadLimiter.mostOf(taskId),
      openOrigin: task.backToSource ? (index, onStored) => this.#openOrigin(index, onStored) : undefined,
      readAt: () => (task.order === 'in-order' && positions.hasReaders ? firstMissing(stored, positions.next(stored.record.pieceSize)) : undefined),
      isJoined: () => this.#standing.type === 'joined',
      onPiece: () => this.#patience.progress(),
      onOriginTrouble: (error) => this.#fail(error),
      onDiskTrouble: (error) => this.#fail(error),
      signal: this.#work.signal,
    })
  }

  /** Of one piece, which nobody else may touch. */
  #openOrigin(index: number, onStored: (index: number, digest: Sha256) => void): OriginFetch {
    const surroundings = { ...this.#options, content: this.#content, signal: this.#work.signal }
    return createOriginFetch(surroundings, { parallel: 1, isElsewhere: (other) => other !== index, onStored })
  }

  #createOwnWay(reason: BackToSourceReason): OwnWay {
    const isSentBack = this.#standing.type !== 'away' && this.#standing.sentBack !== undefined
    return new OwnWay({
      ...this.#options,
      content: this.#content,
      assigned: () => this.#assigned,
      asksParents: !isSentBack,
      onStored: (index, digest) => {
        this.#patience.progress()
        this.#control?.pieceStored(index, digest)
      },
      onBackToSource: () => this.#options.onBackToSource(reason),
      signal: this.#work.signal,
    })
  }

  /** @returns false when they show that the content is another one: the attempt has failed then. */
  #learnDigests(pieces: TaskNews['digests']): boolean {
    try {
      for (const { index, digest } of pieces) this.#content.learnDigest(index, digest)
      return true
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  #whenPrepared(action: (assigned: AssignedWork, stored: StoredTask) => void): void {
    this.#content.whenPrepared((stored) => {
      if (this.#assigned !== undefined && !this.#work.signal.aborted) action(this.#assigned, stored)
    })
  }

  #spawn(work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => this.#fail(error)).finally(() => this.#tasks.delete(tracked))
    this.#tasks.add(tracked)
  }

  #fail(error: unknown): void {
    this.#failure.reject(toDamselflyError(error))
    this.#work.abort(error)
  }

  async #end(): Promise<void> {
    this.#patience.end()
    this.#options.positions.tell(undefined)
    this.#work.abort(new DamselflyError('CANCELLED', 'the download ended'))
    this.#content.end()
    await this.#assigned?.settled()
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
    this.#control?.leave()
  }
}

function heldPieces(stored: StoredTask | undefined): Parameters<TaskControl['register']>[0]['held'] {
  if (stored?.layout === undefined) return undefined
  const { contentLength, pieceSize } = stored.layout
  return { contentLength, pieceSize, pieces: stored.have() }
}
