import type { ByteRange, DamselflyError, HeaderMap, Sha256, TaskId } from '@damselfly/shared'
import type { StoredTask } from '@damselfly/exchange'
import type { FreshnessVerdict, HeldVersion } from './fetch-once/freshness.ts'

/** One content as a peer asked for it, without credentials. */
export interface ContentSpec {
  readonly taskId: TaskId
  readonly url: string
  readonly filteredQueryParams: readonly string[]
  readonly tag: string
  readonly application: string
  /** The task's content is this part of what the URL serves. */
  readonly range: ByteRange | undefined
  readonly variantHeaders: HeaderMap
  /** The digest that the whole content must have. */
  readonly expectedDigest: Sha256 | undefined
}

export type CdnTaskState =
  | { readonly type: 'fetching' }
  /** Everything is here, and the whole has the expected digest, if there is one. */
  | { readonly type: 'complete' }
  | { readonly type: 'failed'; readonly error: DamselflyError }

/** Named listeners; each returns nothing and must not throw. */
export interface CdnTaskListener {
  /** Also called when it was not known at first; bytes. */
  lengthKnown(contentLength: number): void
  /** A piece is verified on this disk and can be served. */
  pieceStored(index: number, digest: Sha256): void
  /** More bytes came from the origin: a sign of life, at most every 250 ms. */
  progress(): void
  /**
   * The content changed at the origin and its fetch starts over: length and pieces told so far are void,
   * and `stored` will be another one. A listener without this method is told `ended` with ORIGIN_CHANGED instead.
   */
  startedOver?(): void
  ended(state: CdnTaskState): void
}

/** A content that the CDN holds or is fetching. */
export interface CdnTask {
  readonly spec: ContentSpec
  readonly stored: StoredTask
  readonly state: CdnTaskState
  /** The origin refuses it to anonymous callers. */
  readonly isPrivate: boolean
  /** Body bytes received from the origin in this run of the program. */
  readonly originBytes: number
  /**
   * Where somebody reads, so that what comes from there on is asked for before the rest, where the origin serves ranges. What has
   * been asked for already comes first; the last word counts. Bytes.
   */
  wantFrom(position: number): void
  subscribe(listener: CdnTaskListener): () => void
}

export interface Cdn {
  /**
   * The task, fetching what of it is missing. Concurrent callers share one fetch.
   * Resolves when the origin's headers have come (or at once if the content is here), so
   * piece size and, if the origin tells it, the length are known.
   *
   * The anonymous request is tried first; `credentials` are used when the origin refuses it,
   * and then the task is private and each caller must pass `authorize`.
   *
   * What is here already is handed out as long as it is fresh by its origin's word; after that its origin is asked whether
   * it still serves it, and a content that is not shown to be the same is fetched anew. While its origin fails it
   * is handed out only as far as `staleIfErrorMs` allows.
   *
   * `from` says where somebody reads, as `CdnTask.wantFrom` does, for a fetch that begins by this call, and `by` for whom, so that callers of one origin
   * take turns.
   *
   * Aborting the signal ends the waiting, not the fetch, since others may share it.
   *
   * @throws DamselflyError as SourceClient does, DISK_FULL, DIGEST_MISMATCH; TASK_BUSY when somebody reads the old content for too long
   */
  obtain(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal, from?: number, by?: string): Promise<CdnTask>
  /** A task that is being fetched, or that was obtained before and is held; without starting anything. */
  get(taskId: TaskId): CdnTask | undefined
  /**
   * Asks the origin, without a body, whether this caller may have the content that is held; the answer is
   * remembered for minutes per caller's own credentials.
   *
   * @param leastMs an answer that holds for no longer than this is not enough; milliseconds, @default 0
   * @returns how long the answer holds; milliseconds
   * @throws DamselflyError ORIGIN_UNAUTHORIZED; ORIGIN_CHANGED when the origin has another content for this caller; or as SourceClient.probe
   */
  authorize(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal, leastMs?: number): Promise<number>
  /**
   * Asks the origin now whether it still serves what is held, and deletes that if it does not.
   *
   * @param credentials for a private content
   * @returns whether it does
   * @throws DamselflyError TASK_NOT_FOUND when nothing whole is held, TASK_BUSY; as SourceClient.probe when the origin does not say
   */
  confirm(taskId: TaskId, credentials: HeaderMap): Promise<boolean>
  /**
   * Whether a content that only others hold is the one that its origin serves, under the same rules as for `obtain`.
   *
   * @throws DamselflyError as SourceClient.probe: why it may not be handed out to this caller now
   */
  vouch(spec: ContentSpec, credentials: HeaderMap, held: HeldVersion): Promise<FreshnessVerdict>
  /** Named listeners on contents that are about to be deleted because their origin serves another one now. */
  onSuperseded(listener: (taskId: TaskId) => void): () => void
  /** Named listeners on contents that their origin gave to everybody, and gives to strangers no more. */
  onTurnedPrivate(listener: (taskId: TaskId) => void): () => void
  /** Stops fetches; what is verified stays for the next start. Idempotent. */
  stop(): Promise<void>
}
