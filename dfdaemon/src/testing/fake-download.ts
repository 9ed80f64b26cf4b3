import { EventEmitter, once } from 'node:events'
import type { FileHandle } from 'node:fs/promises'
import { DamselflyError, sha256, type TaskId } from '@damselfly/shared'
import type { BackToSourceReason, DownloadProgress, FinishedDownload, OwnDownload, TaskView } from '../peer/peer.ts'

export interface FakeContent {
  readonly bytes: Uint8Array
  /** Fails so after all pieces but the last. */
  readonly error?: DamselflyError | undefined
  /** The length becomes known only at the end. @default false */
  readonly lengthUnknown?: boolean | undefined
  readonly backToSource?: BackToSourceReason | undefined
}

export interface FakeDownloadInit {
  readonly taskId: TaskId
  readonly path: string
  readonly file: FileHandle
  readonly content: FakeContent
  readonly pieceSize: number
  readonly beforePiece: (index: number) => Promise<void>
}

export class FakeDownload implements OwnDownload {
  readonly taskId: TaskId
  pinned = false
  readonly finished: Promise<FinishedDownload>
  readonly #init: FakeDownloadInit
  readonly #changes = new EventEmitter()
  readonly #releasing = new AbortController()
  #verified = 0
  #ended = false
  #error: unknown

  constructor(init: FakeDownloadInit) {
    this.taskId = init.taskId
    this.#init = init
    this.finished = this.#run()
    this.finished.catch(() => undefined)
  }

  get released(): boolean {
    return this.#releasing.signal.aborted
  }

  /** Resolves once nobody wants the download. */
  async whenReleased(): Promise<void> {
    if (!this.released) await once(this.#releasing.signal, 'abort')
  }

  progress(): DownloadProgress {
    const { bytes, lengthUnknown, backToSource } = this.#init.content
    return {
      taskId: this.taskId,
      contentLength: lengthUnknown === true && !this.#ended ? undefined : bytes.length,
      verifiedBytes: this.#verified,
      inFlightBytes: 0,
      bytesFrom: { held: 0, peers: this.#verified, cdn: 0, origin: 0 },
      backToSource,
    }
  }

  async *content(signal: AbortSignal, start = 0): AsyncGenerator<Uint8Array> {
    let sent = start
    for (;;) {
      signal.throwIfAborted()
      if (sent < this.#verified) {
        const end = this.#verified
        yield this.#init.content.bytes.subarray(sent, end)
        sent = end
      } else if (this.#error !== undefined) {
        throw this.#error
      } else if (this.#ended) {
        return
      } else {
        await once(this.#changes, 'change', { signal })
      }
    }
  }

  async release(): Promise<void> {
    this.#releasing.abort(new DamselflyError('CANCELLED', 'released'))
    await this.finished.catch(() => undefined)
  }

  view(): TaskView {
    return {
      taskId: this.taskId,
      url: 'http://origin.test/…',
      tag: '',
      application: '',
      state: this.#ended ? 'complete' : 'downloading',
      contentLength: this.progress().contentLength,
      verifiedBytes: this.#verified,
      pinned: this.pinned,
      contentDigest: this.#ended ? sha256(this.#init.content.bytes) : undefined,
      createdAt: '2024-01-01T00:00:00.000Z',
      lastUsedAt: '2024-01-01T00:00:00.000Z',
    }
  }

  async #run(): Promise<FinishedDownload> {
    try {
      await this.#writePieces()
      this.#ended = true
      return this.#result()
    } catch (error) {
      this.#error = error
      throw error
    } finally {
      await this.#init.file.close()
      this.#changes.emit('change')
    }
  }

  async #writePieces(): Promise<void> {
    const { content, pieceSize, file } = this.#init
    for (let offset = 0; offset < content.bytes.length; offset += pieceSize) {
      const piece = content.bytes.subarray(offset, offset + pieceSize)
      if (content.error !== undefined && offset + pieceSize >= content.bytes.length) throw content.error
      await this.#unlessReleased(this.#init.beforePiece(offset / pieceSize))
      await file.write(piece, 0, piece.length, offset)
      this.#verified += piece.length
      this.#changes.emit('change')
    }
  }

  async #unlessReleased(step: Promise<void>): Promise<void> {
    const { signal } = this.#releasing
    signal.throwIfAborted()
    const released = Promise.withResolvers<never>()
    const reject = (): void => released.reject(signal.reason)
    signal.addEventListener('abort', reject)
    try {
      await Promise.race([step, released.promise])
    } finally {
      signal.removeEventListener('abort', reject)
    }
  }

  #result(): FinishedDownload {
    const { content, path } = this.#init
    const { bytesFrom, backToSource } = this.progress()
    return {
      taskId: this.taskId,
      contentLength: content.bytes.length,
      contentDigest: sha256(content.bytes),
      path,
      bytesFrom,
      backToSource,
    }
  }
}
