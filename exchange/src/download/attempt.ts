import { DamselflyError, pause, pieceSizeFor, toDamselflyError, type ErrorCode, type PeerId } from '@damselfly/shared'
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
import { backToSourceReason, type BackToSourceReason } from './back-to-source-reason.ts'
import { fetchFromKnownParents } from './known-parents.ts'
import { OriginFetch } from './origin-fetch.ts'
import { ParentProgress } from './parent-progress.ts'
import { PieceDeadline } from './piece-deadline.ts'
import type { FetchedPiece, PieceFetchContext } from './piece-fetch.ts'
import { SupernodePatience } from './supernode-patience.ts'
import { SwarmFetch, type SwarmFetchEvents } from './swarm-fetch.ts'
import type { DownloadDependencies, DownloadTask } from './task-download.ts'
import type { TransferAccount } from './transfer-account.ts'

export interface AttemptOptions {
  readonly dependencies: DownloadDependencies
  readonly task: DownloadTask
  readonly account: TransferAccount
  /** What is here of the content and may be completed. */
  readonly existing: StoredTask | undefined
  /** Lets go of a stored task that may be of another version. */
  readonly beforePrepare: () => void
  readonly onPrepared: (stored: StoredTask) => void
  readonly onBackToSource: (reason: BackToSourceReason) => void
}

/** How long a peer that may not use the origin waits for a lost supernode; milliseconds. */
const SUPERNODE_WAIT = 30_000

/** Refusals that no other way to the origin would change. */
const FINAL_REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'ORIGIN_NOT_FOUND',
  'ORIGIN_UNAUTHORIZED',
  'URL_REFUSED',
  'RANGE_UNSATISFIABLE',
  'DIGEST_MISMATCH',
])

/** Refusals that say something of the origin, not of the supernode. */
const ORIGIN_TROUBLE: ReadonlySet<ErrorCode> = new Set([
  'ORIGIN_STATUS',
  'ORIGIN_UNREACHABLE',
  'ORIGIN_TLS',
  'ORIGIN_REDIRECTS',
  'ORIGIN_SHORT',
  'ORIGIN_LONG',
  'ORIGIN_CHANGED',
])

const DISK_TROUBLE: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'DISK_DENIED', 'DISK_FAILED'])

/**
 * One try at getting a whole content: assignments of the supernode first, known parents when
 * it is lost, the origin when nothing else is left. All ways write into the same stored task.
 *
 *     registered --lost--> known parents --exhausted--> origin
 *         ^  \--refused, silent, told so---------------^  |
 *         +------------- restored ------------------------+
 */
export class DownloadAttempt implements TaskControlListener {
  readonly #options: AttemptOptions
  readonly #work = new AbortController()
  readonly #failure = Promise.withResolvers<never>()
  readonly #tasks = new Set<Promise<void>>()
  readonly #progress = new ParentProgress()
  readonly #deadline = new PieceDeadline()
  readonly #patience: SupernodePatience
  readonly #control: TaskControl | undefined
  readonly #content: ArrivingContent
  #swarm: SwarmFetch | undefined
  #origin: OriginFetch | undefined
  #originRunning = false
  #registering = false
  #registered = false
  #refusal: DamselflyError | undefined

  constructor(options: AttemptOptions) {
    this.#options = options
    const { control, clock } = options.dependencies
    this.#content = new ArrivingContent({ ...options, signal: this.#work.signal })
    this.#control = control?.task(options.task.taskId, this)
    this.#patience = new SupernodePatience(clock, () => this.#supernodeSilent())
    this.#failure.promise.catch(() => undefined)
  }

  /** @returns the stored task with every piece verified. @throws DamselflyError; the signal's reason */
  async run(signal: AbortSignal): Promise<StoredTask> {
    const aborted = (): void => this.#fail(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      signal.throwIfAborted()
      if (this.#control === undefined) this.#goToOrigin('no-supernode')
      else this.#spawn(this.#joinOrHelpOurselves())
      await Promise.race([this.#content.complete, this.#failure.promise])
      if (this.#registered && this.#options.task.identity.digest === undefined) await this.#content.awaitManifest()
      return this.#content.stored as StoredTask
    } finally {
      signal.removeEventListener('abort', aborted)
      await this.#end()
    }
  }

  // --- the supernode speaks -------------------------------------------------

  parent(parent: ParentInfo): void {
    this.#whenPrepared((stored) => this.#swarmFor(stored).addParent(parent))
  }

  assigned(assignment: Assignment): void {
    this.#patience.signOfLife()
    // The swarm has taken over: the origin ends with the pieces under way.
    this.#origin?.stop()
    this.#content.digests.set(assignment.index, assignment.digest)
    this.#whenPrepared((stored) => this.#swarmFor(stored).assign(assignment))
  }

  cancelled(index: number, parent: PeerId): void {
    this.#whenPrepared((stored) => this.#swarmFor(stored).cancel(index, parent))
  }

  news(news: TaskNews): void {
    this.#patience.signOfLife()
    for (const { index, digest } of news.digests) this.#content.digests.set(index, digest)
    const state = this.#options.dependencies.control?.state
    const supernode = state?.type === 'connected' ? state.supernode : undefined
    this.#whenPrepared((stored) => this.#spawn(this.#content.takeNews(stored, news, supernode)))
    if (news.error !== undefined) this.#refused(news.error)
  }

  backToSource(reason: string): void {
    this.#goToOrigin(backToSourceReason(reason))
  }

  lost(): void {
    this.#patience.end()
    this.#registered = false
    this.#whenPrepared((stored) => this.#spawn(this.#carryOnAlone(stored)))
  }

  restored(): void {
    if (!this.#registered) this.#spawn(this.#register())
  }

  // --- ways to the content --------------------------------------------------

  async #joinOrHelpOurselves(): Promise<void> {
    const { control } = this.#options.dependencies
    await control?.settled(this.#work.signal)
    if (control?.state.type === 'connected') await this.#register()
    else this.#goToOrigin('supernode-unreachable')
  }

  async #register(): Promise<void> {
    const { task, existing } = this.#options
    if (this.#registering || this.#control === undefined) return
    this.#registering = true
    this.#patience.begin()
    try {
      const { taskId, identity, credentials, order } = task
      const held = heldPieces(this.#content.stored ?? existing)
      const registered = await this.#control.register({ taskId, identity, credentials, order, held }, this.#work.signal)
      await this.#join(registered)
    } catch (error) {
      this.#work.signal.throwIfAborted()
      this.#refused(toDamselflyError(error))
    } finally {
      this.#registering = false
    }
  }

  async #join(registered: Registered): Promise<void> {
    const stored = await this.#content.prepare(registered)
    if (stored.record.pieceSize !== registered.pieceSize) {
      throw new DamselflyError('PROTOCOL', 'the supernode cuts the content into other pieces')
    }
    this.#registered = true
    if (registered.contentLength !== undefined) await this.#content.takeLength(stored, registered.contentLength)
    if (registered.content !== undefined) await this.#content.takeBytes(stored, registered.content)
    if (!stored.isComplete) this.#control?.want(this.#control.window())
  }

  #refused(error: DamselflyError): void {
    this.#patience.end()
    if (FINAL_REFUSALS.has(error.code) || DISK_TROUBLE.has(error.code)) return this.#fail(error)
    this.#refusal ??= error
    if (error.code === 'SUPERNODE_UNREACHABLE') this.#goToOrigin('supernode-lost')
    else this.#goToOrigin(ORIGIN_TROUBLE.has(error.code) ? 'origin-failed' : 'supernode-refused')
  }

  /** The supernode is gone: the parents that are known first, then the origin for what they lack. */
  async #carryOnAlone(stored: StoredTask): Promise<void> {
    const swarm = this.#swarmFor(stored)
    await swarm.settled()
    await fetchFromKnownParents({
      context: this.#context(stored),
      parents: swarm.parents.filter(({ isCdn }) => !isCdn),
      digests: this.#content.digests,
      random: this.#options.dependencies.random,
      onFetched: (index, result) => this.#pieceDone(stored, index, result),
      signal: this.#work.signal,
    })
    if (!this.#registered) this.#goToOrigin('supernode-lost')
  }

  /** As long as pieces come from parents, the supernode need not speak. */
  #supernodeSilent(): void {
    if (this.#swarm !== undefined && this.#swarm.running > 0) this.#patience.signOfLife()
    else this.#goToOrigin('supernode-slow')
  }

  #goToOrigin(reason: BackToSourceReason): void {
    if (this.#originRunning || this.#work.signal.aborted || this.#content.isComplete) return
    if (!this.#options.task.backToSource) return this.#withoutOrigin(reason)
    this.#options.onBackToSource(reason)
    this.#originRunning = true
    this.#spawn(this.#fetchFromOrigin(reason))
  }

  #withoutOrigin(reason: BackToSourceReason): void {
    // A supernode that is only slow is waited for; one that is lost, for a while.
    if (reason === 'supernode-slow') return
    const error = this.#refusal ?? new DamselflyError('NO_SOURCE', `back-to-source is switched off (${reason})`)
    if (reason === 'supernode-lost') this.#spawn(this.#awaitSupernode(error))
    else this.#fail(error)
  }

  async #awaitSupernode(error: DamselflyError): Promise<void> {
    await pause(this.#options.dependencies.clock, SUPERNODE_WAIT, this.#work.signal)
    if (!this.#registered) this.#fail(error)
  }

  async #fetchFromOrigin(reason: BackToSourceReason): Promise<void> {
    let leftToOthers = false
    try {
      const { existing } = this.#options
      // A whole content has nothing to ask for, so whether it is still the origin's must show first.
      const resumable = existing?.layout !== undefined && !existing.isComplete ? existing : undefined
      if (this.#content.stored === undefined && resumable !== undefined) await this.#content.prepare(resumable.record)
      const origin = (this.#origin = this.#createOriginFetch())
      await origin.run()
      leftToOthers = !origin.isStopped
      this.#content.check()
    } catch (error) {
      this.#originFailed(toDamselflyError(error))
    } finally {
      this.#originRunning = false
      this.#origin = undefined
    }
    // The swarm took over and was lost again meanwhile.
    await this.#swarm?.settled()
    if (!this.#registered && !this.#registering) this.#goToOrigin('supernode-lost')
    // Pieces that parents were sending were left to them, and did not come.
    else if (leftToOthers) this.#goToOrigin(reason)
  }

  #createOriginFetch(): OriginFetch {
    const { task, account, dependencies } = this.#options
    return new OriginFetch({
      origin: task.origin,
      account,
      digests: this.#content.digests,
      parallel: dependencies.parallelRanges,
      existing: this.#content.stored,
      prepare: (content) =>
        this.#content.prepare({
          ...content,
          pieceSize: pieceSizeFor(content.contentLength),
          // What credentials were needed for, if any, cannot be told here: nobody else gets it unasked.
          isPrivate: task.credentials.size > 0,
        }),
      isElsewhere: (index) => this.#swarm?.isFetching(index) === true,
      onStored: (index, digest) => this.#control?.pieceStored(index, digest),
      limiters: [task.limiter, dependencies.downloadLimiter],
      clock: dependencies.clock,
      signal: this.#work.signal,
    })
  }

  /** Fatal only when nobody else brings pieces. */
  #originFailed(error: DamselflyError): void {
    this.#refusal = error
    const othersHelp = this.#registering || (this.#registered && (this.#swarm?.running ?? 0) > 0)
    if (!othersHelp || error.code === 'ORIGIN_CHANGED') this.#fail(error)
  }

  // --- bookkeeping ----------------------------------------------------------

  #swarmFor(stored: StoredTask): SwarmFetch {
    this.#swarm ??= new SwarmFetch({
      context: this.#context(stored),
      events: this.#swarmEvents(stored),
      signal: this.#work.signal,
    })
    return this.#swarm
  }

  #swarmEvents(stored: StoredTask): SwarmFetchEvents {
    const control = this.#control
    const next = (): void => {
      if (this.#registered) control?.want(1)
    }
    return {
      done: (index, result) => {
        this.#pieceDone(stored, index, result)
        next()
      },
      failed: (index, parent, error) => {
        if (DISK_TROUBLE.has(error.code)) return this.#fail(error)
        control?.pieceFailed(index, parent, error)
        next()
      },
      needless: (index, parent) => {
        const digest = stored.digest(index)
        if (digest !== undefined) control?.pieceStored(index, digest)
        control?.pieceFailed(index, parent, new DamselflyError('CANCELLED', `piece ${index} is here already`))
        next()
      },
    }
  }

  #context(stored: StoredTask): PieceFetchContext {
    const { dependencies, task, account } = this.#options
    const { openLane, clock } = dependencies
    const { taskId, limiter } = task
    return { taskId, stored, openLane, account, deadline: this.#deadline, progress: this.#progress, clock, limiter }
  }

  #pieceDone(stored: StoredTask, index: number, { parent, durationMs }: FetchedPiece): void {
    const bytes = stored.layout?.piece(index).length ?? stored.record.pieceSize
    this.#control?.pieceDone(index, parent, bytes, durationMs)
  }

  #whenPrepared(action: (stored: StoredTask) => void): void {
    this.#content.whenPrepared((stored) => {
      if (!this.#work.signal.aborted) action(stored)
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
    this.#work.abort(new DamselflyError('CANCELLED', 'the download ended'))
    this.#content.end()
    await this.#swarm?.settled()
    await Promise.all(this.#tasks)
    this.#control?.leave()
  }
}

function heldPieces(stored: StoredTask | undefined): Parameters<TaskControl['register']>[0]['held'] {
  if (stored?.layout === undefined) return undefined
  const { contentLength, pieceSize } = stored.layout
  return { contentLength, pieceSize, pieces: stored.have() }
}
