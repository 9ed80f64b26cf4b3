import { DamselflyError, digestsEqual, messageOf, type PeerId, type Sha256 } from '@damselfly/shared'
import type { TaskNews } from '../control/task-control.ts'
import type { StoredTask } from '../store/piece-store.ts'
import { contradicts } from './content-version.ts'
import { readManifest } from './manifest-news.ts'
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

/**
 * What is known and held of a content while it arrives, whoever brings it. What is said of it
 * before its place in the store is made is kept and applied then.
 */
export class ArrivingContent {
  readonly #options: ArrivingContentOptions
  readonly #digests = new Map<number, Sha256>()
  readonly #complete = Promise.withResolvers<void>()
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

  /** By piece; only what the supernode said. */
  get digests(): ReadonlyMap<number, Sha256> {
    return this.#digests
  }

  get isComplete(): boolean {
    return this.#stored?.isComplete === true
  }

  /** Resolves when every piece is here. */
  get complete(): Promise<void> {
    return this.#complete.promise
  }

  /**
   * Whoever learns first what the content is makes room for it; everybody else finds it made.
   *
   * @throws DamselflyError ORIGIN_CHANGED when it is described otherwise than before; as `prepareStored`
   */
  async prepare(content: DescribedContent): Promise<StoredTask> {
    this.#preparing ??= this.#makeRoom(content)
    const stored = await this.#preparing
    const isNamed = this.#options.task.identity.digest !== undefined
    if (contradicts(stored.record, content, isNamed)) {
      throw new DamselflyError('ORIGIN_CHANGED', 'the supernode and the origin speak of different contents')
    }
    return stored
  }

  /** Calls `action` now, or once the stored task is there. */
  whenPrepared(action: (stored: StoredTask) => void): void {
    if (this.#stored === undefined) this.#early.push(action)
    else action(this.#stored)
  }

  /**
   * The supernode's word on a piece.
   *
   * @throws DamselflyError ORIGIN_CHANGED when the piece is here and is another one
   */
  learnDigest(index: number, digest: Sha256): void {
    this.#digests.set(index, digest)
    if (this.#stored !== undefined) checkHeld(this.#stored, index, digest)
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
      if (await storePiece(stored, index, piece, this.#digests.get(index))) this.#options.account.verified(length, 'cdn')
    }
  }

  /**
   * @param supernode whose signature a manifest must bear; undefined: a manifest does not count
   * @throws DamselflyError PROTOCOL, ORIGIN_CHANGED, DISK_FULL, DISK_FAILED
   */
  async takeNews(stored: StoredTask, news: TaskNews, supernode: PeerId | undefined): Promise<void> {
    if (news.contentLength !== undefined) await this.takeLength(stored, news.contentLength)
    if (news.signedManifest !== undefined && supernode !== undefined) {
      await this.#takeManifest(stored, news.signedManifest, supernode)
    }
  }

  /** The length counts as soon as this returns; the promise is for the disk. @throws as `takeNews` */
  async takeLength(stored: StoredTask, contentLength: number): Promise<void> {
    const known = stored.record.contentLength
    if (known !== undefined && known !== contentLength) {
      throw new DamselflyError('ORIGIN_CHANGED', `the content has ${contentLength} bytes now, not ${known}`)
    }
    if (known === undefined) await update(stored, contentLength)
    this.check()
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
    for (const [index, digest] of this.#digests) checkHeld(stored, index, digest)
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
    const { task, dependencies } = this.#options
    const manifest = readManifest(signedManifest, task.taskId, supernode, dependencies.logger)
    if (manifest === undefined) return
    await this.takeLength(stored, manifest.contentLength)
    for (const [index, digest] of manifest.digests.entries()) this.learnDigest(index, digest)
    await stored.update({ signedManifest, contentDigest: manifest.contentDigest ?? stored.record.contentDigest })
  }
}

/** @throws DamselflyError PROTOCOL when there can be no content of this length in such pieces */
async function update(stored: StoredTask, contentLength: number): Promise<void> {
  try {
    await stored.update({ contentLength })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new DamselflyError('PROTOCOL', `the supernode gives an impossible length: ${messageOf(error)}`, { cause: error })
  }
}

/** @throws DamselflyError ORIGIN_CHANGED when the piece is here and belongs to another version */
function checkHeld(stored: StoredTask, index: number, digest: Sha256): void {
  const held = stored.digest(index)
  if (held !== undefined && !digestsEqual(held, digest)) {
    throw new DamselflyError('ORIGIN_CHANGED', `piece ${index} belongs to another version of the content`)
  }
}
