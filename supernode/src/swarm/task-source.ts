import { DamselflyError, digestsEqual, isDamselflyError, originOf, toDamselflyError, type Clock, type HeaderMap, type PeerId, type Sha256 } from '@damselfly/shared'
import type { Cdn, CdnTask, CdnTaskState, ContentSpec } from '@damselfly/cdn'
import type { Overview, Passthrough } from './passthrough.ts'
import type { PieceDigest, Swarm } from './swarm.ts'

/** One attempt to bring a content from its origin. */
export interface SourceAttempt {
  readonly spec: ContentSpec
  readonly credentials: HeaderMap
  /** Whose credentials; undefined for the supernode itself. */
  readonly by: PeerId | undefined
}

export interface AttemptOutcome {
  readonly attempt: SourceAttempt
  readonly error: DamselflyError | undefined
}

export type SourceState =
  | { readonly type: 'idle' }
  /** The origin has been asked and has not answered. */
  | { readonly type: 'starting' }
  | { readonly type: 'fetching'; readonly task: CdnTask }
  | { readonly type: 'complete'; readonly task: CdnTask }
  /** The peers fetch it themselves, as they are told, and nothing of it is kept here. */
  | { readonly type: 'passed-on'; readonly freshUntil: number }
  | { readonly type: 'failed'; readonly error: DamselflyError }

/** Failures after which what the swarm knows is worth nothing. */
const SPOILED: ReadonlySet<string> = new Set(['DIGEST_MISMATCH', 'ORIGIN_CHANGED', 'ORIGIN_LONG'])

/** What a content is said to be. */
interface Described {
  readonly pieceSize: number
  readonly contentLength: number | undefined
  readonly etag: string
  readonly isPrivate: boolean
}

export interface TaskSourceDeps {
  readonly cdn: Cdn
  /** Where contents are not cached. @default they are */
  readonly passthrough?: Passthrough | undefined
  readonly clock: Clock
  /** Ends what is under way when the supernode stops. */
  readonly stopping: AbortSignal
  /** A fetch is over, whole or not. */
  readonly fetched: (task: CdnTask) => void
  /** Signs what is known of the swarm's content. */
  readonly sign: (swarm: Swarm) => Uint8Array
}

/** Brings a swarm's content through the CDN, at most one fetch at a time. */
export class TaskSource {
  readonly #swarm: Swarm
  readonly #deps: TaskSourceDeps
  #state: SourceState = { type: 'idle' }
  #settled = Promise.withResolvers<AttemptOutcome>()
  #unsubscribe: (() => void) | undefined
  /** Callers of what is passed on share one look at its origin. */
  #looking: Promise<boolean> | undefined
  /** Where somebody reads; bytes. */
  #wantedFrom = 0
  /** Pieces that the CDN has brought of this version of the content. */
  readonly #brought = new Map<number, Sha256>()

  constructor(swarm: Swarm, deps: TaskSourceDeps) {
    this.#swarm = swarm
    this.#deps = deps
  }

  get state(): SourceState {
    return this.#state
  }

  /** The CDN's task while it brings or holds the content. */
  get task(): CdnTask | undefined {
    return this.#state.type === 'fetching' || this.#state.type === 'complete' ? this.#state.task : undefined
  }

  /** Bytes that came from the origin. */
  get fetchedBytes(): number {
    return this.task?.originBytes ?? 0
  }

  /** What comes from this byte on is wanted first; the last word counts. */
  wantFrom(position: number): void {
    this.#wantedFrom = position
    this.task?.wantFrom(position)
  }

  /**
   * Asks the CDN for the content.
   *
   * @returns once the origin has answered, with how it went
   */
  async start(attempt: SourceAttempt): Promise<AttemptOutcome> {
    this.#detach()
    this.#state = { type: 'starting' }
    try {
      const { spec, credentials, by } = attempt
      const overview = await this.#deps.passthrough?.look(spec, credentials, this.#deps.stopping)
      if (overview !== undefined) this.#passOn(attempt, overview)
      else this.#attach(attempt, await this.#deps.cdn.obtain(spec, credentials, this.#deps.stopping, this.#wantedFrom, by))
      return { attempt, error: undefined }
    } catch (error) {
      const failure = toDamselflyError(error)
      this.#fail(attempt, failure)
      return { attempt, error: failure }
    }
  }

  /**
   * Lets the CDN look whether the origin still serves what it holds, which it does now and then.
   *
   * @returns false when it is another content now, which is being fetched
   * @throws DamselflyError why the origin would not give the content any more
   */
  async revalidate(attempt: SourceAttempt): Promise<boolean> {
    if (this.#state.type === 'passed-on') return await this.#lookAgain(attempt, this.#state.freshUntil)
    // A digest names its content for ever.
    if (this.#state.type !== 'complete' || attempt.spec.expectedDigest !== undefined) return true
    const held = this.#state.task
    const current = await this.#deps.cdn.obtain(attempt.spec, attempt.credentials, this.#deps.stopping, 0, attempt.by)
    // The origin may have begun to refuse strangers.
    if (current.isPrivate) this.#swarm.turnPrivate()
    if (this.task !== held || current === held) return this.task === held
    this.#detach()
    this.#attach(attempt, current)
    return current.stored === held.stored
  }

  /** Resolves at the next change: the origin answered, the fetch is complete, or it failed. */
  nextChange(): Promise<AttemptOutcome> {
    return this.#settled.promise
  }

  /** Forgets the CDN's task, without stopping what the CDN does. */
  stop(): void {
    this.#detach()
    this.#state = { type: 'idle' }
  }

  /** The CDN is about to delete its copy, since the origin serves another content now. */
  superseded(): void {
    if (this.#state.type !== 'complete') return
    this.stop()
    this.#reset(changed())
  }

  /** Notices that the CDN has deleted its copy. */
  refresh(): void {
    if (this.#state.type !== 'complete' || this.#deps.cdn.get(this.#swarm.taskId) !== undefined) return
    this.stop()
    this.#swarm.cdnDropped()
  }

  #attach(attempt: SourceAttempt, task: CdnTask): void {
    const swarm = this.#swarm
    const { record, layout } = task.stored
    // Somebody else may have found the swarm's content to be another one.
    if (swarm.content.pieceSize === undefined) this.#brought.clear()
    this.#take(attempt, { ...record, contentLength: layout?.contentLength, isPrivate: task.isPrivate })
    swarm.describe(record.pieceSize, layout?.contentLength, { etag: record.etag, lastModified: record.lastModified })
    this.#state = { type: 'fetching', task }
    this.#unsubscribe = task.subscribe({
      lengthKnown: (contentLength) => swarm.describe(record.pieceSize, contentLength, swarm.content.validators),
      pieceStored: (index, digest) => this.#holds(attempt, task, [[index, digest]]),
      progress: () => undefined,
      ended: (state) => this.#ended(attempt, task, state),
    })
    this.#holds(attempt, task, piecesOf(task))
    if (task.state.type === 'fetching') this.#changed({ attempt, error: undefined })
    else this.#ended(attempt, task, task.state)
  }

  /** An origin that gives nothing to tell versions by is found out by its bytes; what only peers said gives way to them. */
  #holds(attempt: SourceAttempt, task: CdnTask, pieces: readonly PieceDigest[]): void {
    const isOther = pieces.some(([index, digest]) => !digestsEqual(this.#brought.get(index) ?? digest, digest))
    if (isOther) {
      this.#reset(changed())
      const { record, layout } = task.stored
      this.#take(attempt, { ...record, contentLength: layout?.contentLength, isPrivate: task.isPrivate })
      this.#swarm.describe(record.pieceSize, layout?.contentLength, { etag: record.etag, lastModified: record.lastModified })
    }
    const held = isOther ? piecesOf(task) : pieces
    for (const [index, digest] of held) this.#brought.set(index, digest)
    this.#swarm.cdnHolds(held)
  }

  #reset(error: DamselflyError | undefined): void {
    this.#brought.clear()
    this.#swarm.reset(error)
  }

  #passOn(attempt: SourceAttempt, overview: Overview): void {
    const { pieceSize, contentLength, validators } = overview
    this.#take(attempt, { ...overview, etag: validators.etag })
    this.#swarm.describe(pieceSize, contentLength, validators)
    this.#swarm.passOn()
    this.#state = { type: 'passed-on', freshUntil: this.#deps.clock.now() + overview.freshForMs }
    this.#changed({ attempt, error: undefined })
  }

  /** @returns false when it is another content now */
  async #lookAgain(attempt: SourceAttempt, freshUntil: number): Promise<boolean> {
    if (attempt.spec.expectedDigest !== undefined || this.#deps.clock.now() < freshUntil) return true
    // What is said to one caller's credentials need not hold for another's.
    if (attempt.credentials.size > 0) return await this.#lookNow(attempt)
    this.#looking ??= this.#lookNow(attempt).finally(() => (this.#looking = undefined))
    return await this.#looking
  }

  async #lookNow(attempt: SourceAttempt): Promise<boolean> {
    const { clock, passthrough, stopping } = this.#deps
    const overview = await passthrough?.look(attempt.spec, attempt.credentials, stopping).catch((error: unknown) => this.#refused(error))
    if (overview === undefined || this.#state.type !== 'passed-on') return true
    const isCurrent = !this.#contradicts({ ...overview, etag: overview.validators.etag })
    if (!isCurrent) this.#passOn(attempt, overview)
    else this.#state = { type: 'passed-on', freshUntil: clock.now() + overview.freshForMs }
    if (isCurrent && overview.isPrivate) this.#swarm.turnPrivate()
    return isCurrent
  }

  /** From now on each caller has to be let in by the origin, also by the word of those that were here before. */
  #refused(error: unknown): never {
    if (isDamselflyError(error, 'ORIGIN_UNAUTHORIZED')) this.#swarm.turnPrivate()
    throw error
  }

  /** The swarm is about this content from now on. */
  #take({ spec }: SourceAttempt, described: Described): void {
    const swarm = this.#swarm
    const origin = originOf(spec.url)
    if (this.#contradicts(described)) this.#reset(changed())
    // What another origin's URL has brought so far may be a lie; its children go on at that origin.
    else if (!swarm.isVerified && swarm.sourceOrigin !== undefined && swarm.sourceOrigin !== origin) this.#reset(undefined)
    swarm.spec = spec
    swarm.sourceOrigin = origin
    swarm.content.isPrivate = described.isPrivate
  }

  /** It is another content than the one that the swarm was built for. */
  #contradicts({ pieceSize, contentLength, etag }: Described): boolean {
    const { content } = this.#swarm
    if (content.pieceSize !== undefined && content.pieceSize !== pieceSize) return true
    if (content.layout !== undefined && contentLength !== undefined && content.layout.contentLength !== contentLength) return true
    return differs(content.validators.etag, etag)
  }

  #ended(attempt: SourceAttempt, task: CdnTask, state: CdnTaskState): void {
    if (state.type === 'fetching' || this.#state.type !== 'fetching') return
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#deps.fetched(task)
    if (state.type === 'failed') return this.#fail(attempt, state.error)
    this.#state = { type: 'complete', task }
    this.#swarm.verified(task.stored.record.contentDigest)
    if (this.#swarm.content.hasAllDigests) this.#swarm.completed(this.#deps.sign(this.#swarm))
    this.#changed({ attempt, error: undefined })
  }

  #fail(attempt: SourceAttempt, error: DamselflyError): void {
    this.#detach()
    this.#state = { type: 'failed', error }
    if (SPOILED.has(error.code)) this.#reset(error)
    else this.#swarm.originFailed()
    this.#changed({ attempt, error })
  }

  #detach(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }

  #changed(outcome: AttemptOutcome): void {
    const { resolve } = this.#settled
    this.#settled = Promise.withResolvers()
    resolve(outcome)
  }
}

function changed(): DamselflyError {
  return new DamselflyError('ORIGIN_CHANGED', 'the content changed at the origin')
}

/** Those that it has so far. */
function piecesOf({ stored }: CdnTask): PieceDigest[] {
  return [...stored.have().members()].flatMap((index): PieceDigest[] => {
    const digest = stored.digest(index)
    return digest === undefined ? [] : [[index, digest]]
  })
}

function differs(a: string, b: string): boolean {
  return a !== '' && b !== '' && a !== b
}
