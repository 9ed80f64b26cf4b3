import {
  DamselflyError,
  digestsEqual,
  formatDigest,
  isDamselflyError,
  toDamselflyError,
  type Clock,
  type HeaderMap,
  type Priority,
  type RateLimiter,
  type Sha256,
  type TaskId,
  type TaskIdentity,
} from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { ControlClient } from '../control/control-client.ts'
import type { PieceStore, StoredTask } from '../store/piece-store.ts'
import { DownloadAttempt } from './attempt.ts'
import type { BackToSourceReason } from './back-to-source-reason.ts'
import { isWhole } from '../store/whole.ts'
import { ContentDigest } from './content-digest.ts'
import { canBeRevalidated } from './content-version.ts'
import { followContent } from './follow-content.ts'
import type { Freshness } from './freshness.ts'
import type { OriginReader } from './origin-reader.ts'
import type { OpenLane } from './piece-fetch.ts'
import { ReadingPositions } from './reading-positions.ts'
import { TransferAccount, type BytesFrom } from './transfer-account.ts'

/** What a download works with; the same for all downloads of a peer. */
export interface DownloadDependencies {
  readonly store: PieceStore
  /** Undefined: no supernode is configured. */
  readonly control: ControlClient | undefined
  readonly openLane: OpenLane
  /** This host's limits, for bytes from origins; lanes keep to them by themselves. */
  readonly downloadLimiter: RateLimiter
  readonly freshness: Freshness
  /** Requests to an origin at once for one download. */
  readonly parallelRanges: number
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** One task to download. */
export interface DownloadTask {
  readonly taskId: TaskId
  readonly identity: TaskIdentity
  /** The caller's own; they prove access and are never kept. */
  readonly credentials: HeaderMap
  readonly order: 'rarest-first' | 'in-order'
  readonly origin: OriginReader
  /** Whether the origin may be used for content. */
  readonly backToSource: boolean
  /** Among what this host and its parents limit; may change while it goes on. */
  readonly priority: () => Priority
}

export interface DownloadProgress {
  readonly taskId: TaskId
  /** Bytes; undefined while unknown. */
  readonly contentLength: number | undefined
  /** Bytes of pieces that are verified and on disk. */
  readonly verifiedBytes: number
  readonly bytesFrom: BytesFrom
  /** Bytes received so far of pieces that are not complete yet. */
  readonly inFlightBytes: number
  /** Set as soon as the origin is used. */
  readonly backToSource: BackToSourceReason | undefined
}

export interface FinishedTask {
  readonly stored: StoredTask
  readonly contentLength: number
  /** Of the whole; undefined where nobody asked for it or signed it. */
  readonly contentDigest: Sha256 | undefined
}

/** A content that changes under the download is begun anew so often; then it is an error. */
const MOST_VERSIONS = 2

/** The download of one task by this peer: from held pieces to a verified whole. */
export class TaskDownload {
  readonly task: DownloadTask
  readonly #dependencies: DownloadDependencies
  readonly #account = new TransferAccount()
  readonly #positions = new ReadingPositions()
  #ready = readiness()
  #isReady = false
  #stored: StoredTask | undefined
  #release: (() => void) | undefined
  #digest: ContentDigest | undefined
  #hashing: Promise<Sha256> | undefined
  #backToSource: BackToSourceReason | undefined

  constructor(dependencies: DownloadDependencies, task: DownloadTask) {
    this.#dependencies = dependencies
    this.task = task
  }

  /** Resolves when the task's place in the store is known; rejects when the download fails before. */
  get ready(): Promise<StoredTask> {
    return this.#ready.promise
  }

  /**
   * The content in order while it arrives, each byte verified; what comes next is downloaded first. What is yielded is good
   * until the next is asked for.
   *
   * @param start the first byte
   * @throws as `followContent`
   */
  async *content(signal: AbortSignal, start = 0): AsyncGenerator<Uint8Array, undefined> {
    const position = this.#positions.begin(start)
    try {
      let at = start
      let digest: ContentDigest | undefined
      for await (const bytes of followContent(() => this.ready, signal, { start, onPiece: (index) => position.moveTo(index) })) {
        digest ??= this.#digest
        digest?.take(at, bytes)
        at += bytes.length
        yield bytes
      }
      return undefined
    } finally {
      position.end()
    }
  }

  progress(): DownloadProgress {
    const contentLength = this.#stored?.layout?.contentLength
    const verifiedBytes = this.#stored?.verifiedBytes ?? 0
    const { bytesFrom, inFlightBytes } = this.#account
    return {
      taskId: this.task.taskId,
      contentLength,
      verifiedBytes,
      bytesFrom,
      // A piece counts as verified a moment before its writer has ended.
      inFlightBytes: Math.min(inFlightBytes, (contentLength ?? Number.POSITIVE_INFINITY) - verifiedBytes),
      backToSource: this.#backToSource,
    }
  }

  /**
   * Downloads what is missing and checks the whole. The stored task stays in use until `end`.
   *
   * @throws DamselflyError; the signal's reason
   */
  async run(signal: AbortSignal): Promise<FinishedTask> {
    try {
      await this.#openHeld(signal)
      return (await this.#heldAndCurrent(signal)) ?? (await this.#download(signal))
    } catch (error) {
      const failure = signal.aborted ? toDamselflyError(signal.reason, 'CANCELLED') : toDamselflyError(error)
      this.#ready.reject(failure)
      throw failure
    }
  }

  /** The stored task may be deleted from now on. Idempotent. */
  end(): void {
    this.#release?.()
    this.#release = undefined
  }

  async #openHeld(signal: AbortSignal): Promise<void> {
    const held = await this.#dependencies.store.open(this.task.taskId)
    // An output of an earlier download may be the very file of the store, and may have been edited in place.
    await held?.look()
    signal.throwIfAborted()
    if (held === undefined || held.verifiedBytes === 0) return
    this.#account.verified(held.verifiedBytes, 'held')
    this.#stored = held
    this.#release = held.use()
  }

  /** What is here, if it is whole and the origin still serves it to this caller. */
  async #heldAndCurrent(signal: AbortSignal): Promise<FinishedTask | undefined> {
    const held = this.#stored
    if (held === undefined || !isWhole(held)) return undefined
    const { freshness, control } = this.#dependencies
    const answer = await freshness.check(held, this.task, signal)
    if (answer === 'current') return this.#finished(held, held.record.contentDigest)
    if (answer === 'changed') await this.#discardHeld()
    // An origin that cannot be reached from here leaves the question to the supernode.
    else if (control === undefined) throw answer.error
    return undefined
  }

  async #download(signal: AbortSignal): Promise<FinishedTask> {
    for (let version = 1; ; version++) {
      try {
        const stored = await this.#attempt(signal)
        return this.#finished(stored, await this.#verify(stored, signal))
      } catch (error) {
        if (isDamselflyError(error, 'ORIGIN_LONG')) await this.#discardHeld()
        if (signal.aborted || version >= MOST_VERSIONS || !(await this.#mayBeginAnew(error))) throw error
        const { code, message } = toDamselflyError(error)
        this.#dependencies.logger.info({ task: this.task.taskId, code, error: message }, 'begin anew')
      }
    }
  }

  async #attempt(signal: AbortSignal): Promise<StoredTask> {
    const failed = new AbortController()
    const attempt = new DownloadAttempt({
      dependencies: this.#dependencies,
      task: this.task,
      account: this.#account,
      positions: this.#positions,
      existing: this.#resumable(),
      beforePrepare: () => this.end(),
      onPrepared: (stored) => this.#adopt(stored, AbortSignal.any([signal, failed.signal])),
      onBackToSource: (reason) => this.#noteBackToSource(reason),
    })
    try {
      return await attempt.run(signal)
    } catch (error) {
      failed.abort(error)
      throw error
    }
  }

  /** Held pieces whose version cannot be told are not mixed with others, unless a digest will tell at the end. */
  #resumable(): StoredTask | undefined {
    const held = this.#stored
    if (held === undefined) return undefined
    const certain = this.task.identity.digest !== undefined || canBeRevalidated(held.record)
    return certain ? held : undefined
  }

  #adopt(stored: StoredTask, signal: AbortSignal): void {
    this.end()
    if (this.#stored !== undefined && this.#stored !== stored) this.#account.beginAnew()
    this.#stored = stored
    this.#release = stored.use()
    this.#isReady = true
    this.#ready.resolve(stored)
    this.#hashAlong(stored, signal)
  }

  #noteBackToSource(reason: BackToSourceReason): void {
    if (this.#backToSource === undefined) {
      this.#dependencies.logger.info({ task: this.task.taskId, reason }, 'back-to-source')
    }
    this.#backToSource ??= reason
  }

  /** Held pieces of another version explain a mismatch: without them the next try may be right. */
  async #mayBeginAnew(error: unknown): Promise<boolean> {
    const heldBefore = this.#account.bytesFrom.held > 0
    const changed = isDamselflyError(error, 'ORIGIN_CHANGED')
    if (!changed && !(heldBefore && isDamselflyError(error, 'DIGEST_MISMATCH'))) return false
    await this.#discardHeld()
    return true
  }

  async #discardHeld(): Promise<void> {
    this.end()
    if (this.#isReady) this.#ready = readiness()
    this.#isReady = false
    this.#stored = undefined
    this.#account.beginAnew()
    const { store, control } = this.#dependencies
    await store.delete(this.task.taskId)
    // Others must not be sent here for pieces of a version that is gone.
    control?.dropTask(this.task.taskId)
  }

  /** The digest of the whole: hashed here if the caller gave one to compare with, else as the supernode signed it, if it did. */
  async #verify(stored: StoredTask, signal: AbortSignal): Promise<Sha256 | undefined> {
    const { digest: expected } = this.task.identity
    if (expected === undefined) return stored.record.contentDigest
    const digest = await (this.#hashing ?? this.#digestOf(stored).whole(signal))
    if (!digestsEqual(digest, expected)) {
      throw new DamselflyError('DIGEST_MISMATCH', `the content has ${formatDigest(digest)}, not ${formatDigest(expected)}`)
    }
    const { contentDigest: signed } = stored.record
    if (signed === undefined || !digestsEqual(signed, digest)) await stored.update({ contentDigest: digest })
    return digest
  }

  /** Where the whole is to be compared, hashing keeps pace with the download instead of following it. */
  #hashAlong(stored: StoredTask, signal: AbortSignal): void {
    if (this.task.identity.digest === undefined) return
    this.#digest = this.#digestOf(stored)
    this.#hashing = this.#digest.whole(signal)
    this.#hashing.catch(() => undefined)
  }

  #digestOf(stored: StoredTask): ContentDigest {
    return new ContentDigest(stored, () => this.#positions.hasReaders)
  }

  #finished(stored: StoredTask, contentDigest: Sha256 | undefined): FinishedTask {
    this.#ready.resolve(stored)
    const contentLength = stored.record.contentLength ?? 0
    return { stored, contentLength, contentDigest }
  }
}

/** Whoever waits hears of a failure; it is no fault that nobody does. */
function readiness(): PromiseWithResolvers<StoredTask> {
  const ready = Promise.withResolvers<StoredTask>()
  ready.promise.catch(() => undefined)
  return ready
}
