import { DamselflyError, digestsEqual, pause, taskIdFromBytes, type PeerId, type Sha256 } from '@damselfly/shared'
import type { TaskNews } from '../control/task-control.ts'
import { splitDigests, verifyManifest } from '../identity/signed-manifest.ts'
import type { StoredTask } from '../store/piece-store.ts'
import { prepareStored, storePiece, type DescribedContent } from './stored-content.ts'
import type { DownloadDependencies, DownloadTask } from './task-download.ts'
import type { TransferAccount } from './transfer-account.ts'

export interface ArrivingContentOptions {
  readonly dependencies: DownloadDependencies
  readonly task: DownloadTask
  readonly account: TransferAccount
  /** Lets go of a stored task that may be of another version. */
  readonly beforePrepare: () => void
  readonly onPrepared: (stored: StoredTask) => void
  readonly signal: AbortSignal
}

/** How long a finished child waits for the supernode's signature before it hashes the whole itself; milliseconds. */
const MANIFEST_WAIT = 1_000

/**
 * What is known and held of a content while it arrives, whoever brings it. What is said of it
 * before its place in the store is made is kept and applied then.
 */
export class ArrivingContent {
  /** By piece; only what the supernode said. */
  readonly digests: Map<number, Sha256> = new Map()
  readonly #options: ArrivingContentOptions
  readonly #complete = Promise.withResolvers<void>()
  readonly #manifest = new AbortController()
  #early: ((stored: StoredTask) => void)[] = []
  #preparing: Promise<StoredTask> | undefined
  #stored: StoredTask | undefined
  #unsubscribe: (() => void) | undefined

  constructor(options: ArrivingContentOptions) {
    this.#options = options
  }

  get stored(): StoredTask | undefined {
    return this.#stored
  }

  get isComplete(): boolean {
    return this.#stored?.isComplete === true
  }

  /** Resolves when every piece is here. */
  get complete(): Promise<void> {
    return this.#complete.promise
  }

  /** Whoever learns first what the content is makes room for it; everybody else finds it made. */
  prepare(content: DescribedContent): Promise<StoredTask> {
    this.#preparing ??= this.#makeRoom(content)
    return this.#preparing
  }

  /** Calls `action` now, or once the stored task is there. */
  whenPrepared(action: (stored: StoredTask) => void): void {
    if (this.#stored === undefined) this.#early.push(action)
    else action(this.#stored)
  }

  /**
   * All bytes at once. The supernode itself sent them on its authenticated channel, so they need no other witness.
   *
   * @throws DamselflyError PROTOCOL, PIECE_CORRUPT, DISK_FULL, DISK_FAILED
   */
  async takeBytes(stored: StoredTask, bytes: Uint8Array): Promise<void> {
    const { layout } = stored
    if (layout?.contentLength !== bytes.length) throw new DamselflyError('PROTOCOL', 'the content has another length')
    for (let index = 0; index < layout.pieceCount; index++) {
      const { offset, length } = layout.piece(index)
      const piece = bytes.subarray(offset, offset + length)
      if (!(await storePiece(stored, index, piece, this.digests.get(index)))) continue
      this.#options.account.received(length)
      this.#options.account.settled(length, 'cdn')
    }
  }

  /**
   * The length counts as soon as this returns; the promise is for the disk.
   *
   * @param supernode whose signature the manifest must bear
   * @throws DamselflyError PROTOCOL, ORIGIN_CHANGED, DISK_FULL, DISK_FAILED
   */
  async takeNews(stored: StoredTask, news: TaskNews, supernode: PeerId | undefined): Promise<void> {
    if (news.contentLength !== undefined) await this.takeLength(stored, news.contentLength)
    if (news.signedManifest !== undefined && supernode !== undefined) {
      await this.#takeManifest(stored, news.signedManifest, supernode)
    }
  }

  async takeLength(stored: StoredTask, contentLength: number): Promise<void> {
    if (stored.record.contentLength !== contentLength) await stored.update({ contentLength })
    this.check()
  }

  /** Waits a moment for the supernode's word on the whole. Resolves also without it, and when aborted. */
  async awaitManifest(): Promise<void> {
    if (this.#stored?.record.contentDigest !== undefined) return
    const { dependencies, signal } = this.#options
    await pause(dependencies.clock, MANIFEST_WAIT, AbortSignal.any([signal, this.#manifest.signal]))
  }

  /** Looks whether the last piece has come. */
  check(): void {
    if (this.isComplete) this.#complete.resolve()
  }

  end(): void {
    this.#unsubscribe?.()
  }

  async #makeRoom(content: DescribedContent): Promise<StoredTask> {
    const { task, dependencies, beforePrepare, onPrepared, signal } = this.#options
    beforePrepare()
    const stored = await prepareStored(dependencies.store, task.taskId, task.identity, content, dependencies.clock)
    signal.throwIfAborted()
    onPrepared(stored)
    this.#stored = stored
    this.#unsubscribe = stored.onPiece(() => this.check())
    const early = this.#early
    this.#early = []
    for (const action of early) action(stored)
    this.check()
    return stored
  }

  async #takeManifest(stored: StoredTask, signedManifest: Uint8Array, supernode: PeerId): Promise<void> {
    const manifest = verifyManifest(signedManifest, new Set([supernode]))
    if (taskIdFromBytes(manifest.taskId) !== this.#options.task.taskId) {
      throw new DamselflyError('PROTOCOL', 'the manifest is for another task')
    }
    checkPieces(stored, splitDigests(manifest.pieceDigests))
    await stored.update({ signedManifest, contentDigest: manifest.contentDigest })
    this.#manifest.abort()
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
