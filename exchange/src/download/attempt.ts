import {
  DamselflyError,
  digestsEqual,
  isDamselflyError,
  pause,
  pieceSizeFor,
  taskIdFromBytes,
  toDamselflyError,
  type ErrorCode,
  type PeerId,
  type Sha256,
} from '@damselfly/shared'
import type {
  Assignment,
  ParentInfo,
  Registered,
  TaskControl,
  TaskControlListener,
  TaskNews,
} from '../control/task-control.ts'
import { splitDigests, verifyManifest } from '../identity/signed-manifest.ts'
import type { StoredTask } from '../store/piece-store.ts'
import { backToSourceReason, type BackToSourceReason } from './back-to-source-reason.ts'
import { fetchFromKnownParents } from './known-parents.ts'
import { OriginFetch } from './origin-fetch.ts'
import { ParentProgress } from './parent-progress.ts'
import { PieceDeadline } from './piece-deadline.ts'
import type { FetchedPiece, PieceFetchContext } from './piece-fetch.ts'
import { prepareStored, type DescribedContent } from './stored-content.ts'
import { SupernodePatience } from './supernode-patience.ts'
import { SwarmFetch } from './swarm-fetch.ts'
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

/** How long a finished child waits for the supernode's signature before it hashes the whole itself; milliseconds. */
const MANIFEST_WAIT = 1_000

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
  readonly #complete = Promise.withResolvers<void>()
  readonly #tasks = new Set<Promise<void>>()
  readonly #digests = new Map<number, Sha256>()
  readonly #progress = new ParentProgress()
  readonly #deadline = new PieceDeadline()
  readonly #patience: SupernodePatience
  readonly #control: TaskControl | undefined
  /** Said by the supernode before the stored task was ready for it. */
  #early: (() => void)[] = []
  #preparing: Promise<StoredTask> | undefined
  #stored: StoredTask | undefined
  #swarm: SwarmFetch | undefined
  #origin: OriginFetch | undefined
  #originRunning = false
  #registering = false
  #registered = false
  #lastOriginError: DamselflyError | undefined
  #manifest = Promise.withResolvers<void>()
  #unsubscribe: (() => void) | undefined

  constructor(options: AttemptOptions) {
    this.#options = options
    const { control, clock } = options.dependencies
    this.#control = control?.task(options.task.taskId, this)
    this.#patience = new SupernodePatience(clock, () => this.#supernodeSilent())
    this.#complete.promise.catch(() => undefined)
  }

  /** @returns the stored task with every piece verified. @throws DamselflyError; the signal's reason */
  async run(signal: AbortSignal): Promise<StoredTask> {
    const aborted = (): void => this.#fail(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      signal.throwIfAborted()
      this.#begin()
      await this.#complete.promise
      await this.#awaitManifest(signal)
      return this.#stored as StoredTask
    } finally {
      signal.removeEventListener('abort', aborted)
      await this.#end()
    }
  }

  // --- the supernode speaks -------------------------------------------------

  parent(parent: ParentInfo): void {
    this.#whenReady((swarm) => swarm.addParent(parent))
  }

  assigned(assignment: Assignment): void {
    this.#patience.signOfLife()
    // The swarm has taken over: the origin ends with the pieces under way.
    this.#origin?.stop()
    this.#digests.set(assignment.index, assignment.digest)
    this.#whenReady((swarm) => swarm.assign(assignment))
  }

  cancelled(index: number, parent: PeerId): void {
    this.#whenReady((swarm) => swarm.cancel(index, parent))
  }

  news(news: TaskNews): void {
    this.#patience.signOfLife()
    for (const { index, digest } of news.digests) this.#digests.set(index, digest)
    this.#whenReady(() => this.#spawn(this.#take(news)))
    if (news.error !== undefined) this.#refused(news.error)
  }

  backToSource(reason: string): void {
    this.#goToOrigin(backToSourceReason(reason))
  }

  lost(): void {
    this.#patience.end()
    this.#registered = false
    if (this.#stored !== undefined) this.#spawn(this.#carryOnAlone())
  }

  restored(): void {
    if (this.#registered) return
    this.#spawn(this.#register())
  }

  // --- ways to the content --------------------------------------------------

  #begin(): void {
    const { control } = this.#options.dependencies
    if (control === undefined) this.#goToOrigin('no-supernode')
    else this.#spawn(this.#joinOrHelpOurselves())
  }

  async #joinOrHelpOurselves(): Promise<void> {
    const { control } = this.#options.dependencies
    await control?.settled(this.#work.signal)
    if (control?.state.type === 'connected') await this.#register()
    else this.#goToOrigin('supernode-unreachable')
  }

  async #register(): Promise<void> {
    if (this.#registering) return
    this.#registering = true
    const { task, existing } = this.#options
    const held = this.#stored ?? existing
    this.#patience.begin()
    try {
      const registered = await (this.#control as TaskControl).register(
        {
          taskId: task.taskId,
          identity: task.identity,
          credentials: task.credentials,
          order: task.order,
          held:
            held?.layout === undefined
              ? undefined
              : { contentLength: held.layout.contentLength, pieceSize: held.layout.pieceSize, pieces: held.have() },
        },
        this.#work.signal,
      )
      await this.#join(registered)
    } catch (error) {
      this.#work.signal.throwIfAborted()
      this.#refused(toDamselflyError(error))
    } finally {
      this.#registering = false
    }
  }

  async #join(registered: Registered): Promise<void> {
    const stored = await this.#prepare(registered)
    if (stored.record.pieceSize !== registered.pieceSize) {
      throw new DamselflyError('PROTOCOL', 'the supernode cuts the content into other pieces')
    }
    this.#registered = true
    if (registered.contentLength !== undefined) await stored.update({ contentLength: registered.contentLength })
    if (registered.content !== undefined) await this.#takeContent(stored, registered.content)
    this.#checkComplete()
    if (!stored.isComplete) this.#control?.want(this.#control.window())
  }

  /** The supernode itself sent the bytes on its authenticated channel, so they need no other witness. */
  async #takeContent(stored: StoredTask, content: Uint8Array): Promise<void> {
    const { account } = this.#options
    const { layout } = stored
    if (layout?.contentLength !== content.length) throw new DamselflyError('PROTOCOL', 'the content has another length')
    for (let index = 0; index < layout.pieceCount; index++) {
      const { offset, length } = layout.piece(index)
      const writer = stored.claim(index, length)
      if (writer === undefined) continue
      account.received(length)
      await writer.write(content.subarray(offset, offset + length))
      await writer.commit(this.#digests.get(index))
      account.settled(length, 'cdn')
    }
  }

  #refused(error: DamselflyError): void {
    this.#patience.end()
    if (FINAL_REFUSALS.has(error.code)) return this.#fail(error)
    this.#lastOriginError ??= error
    if (error.code === 'SUPERNODE_UNREACHABLE') this.#goToOrigin('supernode-lost')
    else this.#goToOrigin(ORIGIN_TROUBLE.has(error.code) ? 'origin-failed' : 'supernode-refused')
  }

  /** The supernode is gone: the parents that are known first, then the origin for what they lack. */
  async #carryOnAlone(): Promise<void> {
    const { random } = this.#options.dependencies
    const swarm = this.#swarm
    if (swarm !== undefined) {
      await swarm.settled()
      const parents = swarm.parents.filter(({ isCdn }) => !isCdn)
      const { signal } = this.#work
      const onFetched = (index: number, result: FetchedPiece): void => this.#pieceDone(index, result)
      await fetchFromKnownParents({ context: this.#context(), parents, digests: this.#digests, random, onFetched, signal })
    }
    if (!this.#registered && !this.#work.signal.aborted) this.#goToOrigin('supernode-lost')
  }

  /** As long as pieces come from parents, the supernode need not speak. */
  #supernodeSilent(): void {
    if (this.#swarm !== undefined && this.#swarm.running > 0) this.#patience.signOfLife()
    else this.#goToOrigin('supernode-slow')
  }

  #goToOrigin(reason: BackToSourceReason): void {
    if (this.#originRunning || this.#work.signal.aborted || this.#stored?.isComplete === true) return
    if (!this.#options.task.backToSource) return this.#withoutOrigin(reason)
    this.#options.onBackToSource(reason)
    this.#originRunning = true
    this.#spawn(this.#fetchFromOrigin())
  }

  #withoutOrigin(reason: BackToSourceReason): void {
    // A supernode that is only slow is waited for; one that is lost, for a while.
    if (reason === 'supernode-slow') return
    const error = this.#lastOriginError ?? new DamselflyError('NO_SOURCE', `back-to-source is switched off (${reason})`)
    if (reason === 'supernode-lost') this.#spawn(this.#awaitSupernode(error))
    else this.#fail(error)
  }

  async #awaitSupernode(error: DamselflyError): Promise<void> {
    await pause(this.#options.dependencies.clock, SUPERNODE_WAIT, this.#work.signal)
    if (!this.#registered) this.#fail(error)
  }

  async #fetchFromOrigin(): Promise<void> {
    const { task, account, existing, dependencies } = this.#options
    if (this.#stored === undefined && existing?.layout !== undefined) {
      await this.#prepare(existing.record)
    }
    this.#origin = new OriginFetch({
      origin: task.origin,
      account,
      digests: this.#digests,
      parallel: dependencies.parallelRanges,
      existing: this.#stored ?? existing,
      prepare: (content) => this.#prepare({ ...content, pieceSize: pieceSizeFor(content.contentLength), isPrivate: task.credentials.size > 0 }),
      isElsewhere: (index) => this.#swarm?.isFetching(index) === true,
      onStored: (index, digest) => this.#control?.pieceStored(index, digest),
      throttle: dependencies.throttle,
      clock: dependencies.clock,
      signal: this.#work.signal,
    })
    try {
      await this.#origin.run()
      this.#checkComplete()
    } catch (error) {
      this.#originFailed(toDamselflyError(error))
    } finally {
      this.#originRunning = false
      this.#origin = undefined
    }
    // The swarm took over and was lost again meanwhile.
    await this.#swarm?.settled()
    if (!this.#registered && !this.#registering) this.#goToOrigin('supernode-lost')
  }

  /** Fatal only when nobody else brings pieces. */
  #originFailed(error: DamselflyError): void {
    this.#lastOriginError = error
    const helpless = !this.#registered || isDamselflyError(error, 'ORIGIN_CHANGED')
    if (helpless || this.#swarm?.running === 0) this.#fail(error)
  }

  // --- the stored task ------------------------------------------------------

  /** Whoever learns first what the content is makes room for it; everybody else finds it made. */
  #prepare(content: DescribedContent): Promise<StoredTask> {
    this.#preparing ??= this.#makeRoom(content)
    return this.#preparing
  }

  async #makeRoom(content: DescribedContent): Promise<StoredTask> {
    const { task, dependencies, beforePrepare, onPrepared } = this.#options
    beforePrepare()
    const stored = await prepareStored(dependencies.store, task.taskId, task.identity, content, dependencies.clock)
    this.#work.signal.throwIfAborted()
    onPrepared(stored)
    this.#stored = stored
    this.#unsubscribe = stored.onPiece(() => this.#checkComplete())
    this.#swarm = this.#createSwarm()
    const early = this.#early
    this.#early = []
    for (const action of early) action()
    this.#checkComplete()
    return stored
  }

  #createSwarm(): SwarmFetch {
    const control = this.#control
    const next = (): void => {
      if (this.#registered) control?.want(1)
    }
    return new SwarmFetch({
      context: this.#context(),
      signal: this.#work.signal,
      events: {
        done: (index, result) => {
          this.#pieceDone(index, result)
          next()
        },
        failed: (index, parent, error) => {
          if (isDiskTrouble(error)) return this.#fail(error)
          control?.pieceFailed(index, parent, error)
          next()
        },
        needless: (index, parent) => {
          const digest = this.#stored?.digest(index)
          if (digest !== undefined) control?.pieceStored(index, digest)
          control?.pieceFailed(index, parent, new DamselflyError('CANCELLED', `piece ${index} is here already`))
          next()
        },
      },
    })
  }

  #context(): PieceFetchContext {
    const { dependencies, task, account } = this.#options
    return {
      taskId: task.taskId,
      stored: this.#stored as StoredTask,
      openLane: dependencies.openLane,
      account,
      deadline: this.#deadline,
      progress: this.#progress,
      clock: dependencies.clock,
      throttle: dependencies.throttle,
    }
  }

  #pieceDone(index: number, { parent, durationMs }: FetchedPiece): void {
    const bytes = this.#stored?.layout?.piece(index).length ?? this.#stored?.record.pieceSize ?? 0
    this.#control?.pieceDone(index, parent, bytes, durationMs)
  }

  async #take(news: TaskNews): Promise<void> {
    const stored = this.#stored as StoredTask
    if (news.contentLength !== undefined) await stored.update({ contentLength: news.contentLength })
    if (news.signedManifest !== undefined) await this.#takeManifest(stored, news.signedManifest)
    this.#checkComplete()
  }

  async #takeManifest(stored: StoredTask, signedManifest: Uint8Array): Promise<void> {
    const { control } = this.#options.dependencies
    if (control?.state.type !== 'connected') return
    const manifest = verifyManifest(signedManifest, new Set([control.state.supernode]))
    if (taskIdFromBytes(manifest.taskId) !== this.#options.task.taskId) {
      throw new DamselflyError('PROTOCOL', 'the manifest is for another task')
    }
    checkPieces(stored, splitDigests(manifest.pieceDigests))
    await stored.update({ signedManifest, contentDigest: manifest.contentDigest })
    this.#manifest.resolve()
  }

  async #awaitManifest(signal: AbortSignal): Promise<void> {
    const stored = this.#stored as StoredTask
    if (!this.#registered || stored.record.contentDigest !== undefined || this.#options.task.identity.digest !== undefined) return
    const { clock } = this.#options.dependencies
    const cancel = clock.after(MANIFEST_WAIT, () => this.#manifest.resolve())
    signal.addEventListener('abort', () => this.#manifest.resolve(), { once: true })
    await this.#manifest.promise
    cancel()
  }

  // --- bookkeeping ----------------------------------------------------------

  #whenReady(action: (swarm: SwarmFetch) => void): void {
    const run = (): void => {
      if (!this.#work.signal.aborted && this.#swarm !== undefined) action(this.#swarm)
    }
    if (this.#swarm === undefined) this.#early.push(run)
    else run()
  }

  #checkComplete(): void {
    if (this.#stored?.isComplete === true) this.#complete.resolve()
  }

  #spawn(work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => this.#fail(error)).finally(() => this.#tasks.delete(tracked))
    this.#tasks.add(tracked)
  }

  #fail(error: unknown): void {
    this.#complete.reject(toDamselflyError(error))
    this.#work.abort(error)
  }

  async #end(): Promise<void> {
    this.#patience.end()
    this.#work.abort(new DamselflyError('CANCELLED', 'the download ended'))
    this.#unsubscribe?.()
    await this.#swarm?.settled()
    await Promise.all(this.#tasks)
    this.#control?.leave()
  }
}

/** @throws DamselflyError ORIGIN_CHANGED when a piece that is here belongs to another version */
function checkPieces(stored: StoredTask, digests: readonly Sha256[]): void {
  for (const index of stored.have().members()) {
    const held = stored.digest(index)
    const signed = digests[index]
    if (held === undefined || signed === undefined || !digestsEqual(held, signed)) {
      throw new DamselflyError('ORIGIN_CHANGED', `piece ${index} belongs to another version of the content`)
    }
  }
}

function isDiskTrouble(error: DamselflyError): boolean {
  return error.code === 'DISK_FULL' || error.code === 'DISK_DENIED' || error.code === 'DISK_FAILED'
}
