import { DamselflyError, type Clock, type HeaderMap } from '@damselfly/shared'
import { contentInOrder, type TaskDownload } from '@damselfly/exchange'
import type { Download, FinishedDownload } from './peer.ts'

export interface SharedDownloadOptions {
  readonly download: TaskDownload
  readonly clock: Clock
  /** Nobody wants it any more. */
  readonly onEnded: () => void
}

/** One running download and everybody who waits for it. It ends when the last of them lets go. */
export class SharedDownload {
  readonly #options: SharedDownloadOptions
  readonly #abandon = new AbortController()
  readonly #finished: Promise<FinishedDownload>
  readonly #settled: Promise<void>
  #holders = 0
  #isOver = false

  constructor(options: SharedDownloadOptions) {
    this.#options = options
    this.#finished = this.#run()
    this.#settled = this.#finished.then(
      () => undefined,
      () => undefined,
    )
  }

  /** Whose access has been proved, by being used. */
  get credentials(): HeaderMap {
    return this.#options.download.task.credentials
  }

  /** Whether new callers can still join. */
  get isOpen(): boolean {
    return !this.#abandon.signal.aborted && !this.#isOver
  }

  /** A caller's own handle. */
  hold(): Download {
    this.#holders++
    let held = true
    const { download } = this.#options
    return {
      taskId: download.task.taskId,
      progress: () => download.progress(),
      finished: this.#finished,
      content: (signal) => this.#content(signal),
      release: async () => {
        if (!held) return
        held = false
        await this.#release()
      },
    }
  }

  /** Ends it for everybody. Resolves when nothing of it runs any more. */
  async abandon(error: DamselflyError): Promise<void> {
    this.#abandon.abort(error)
    await this.#settled
  }

  async #run(): Promise<FinishedDownload> {
    const { download } = this.#options
    try {
      const { stored, contentLength, contentDigest } = await download.run(this.#abandon.signal)
      await stored.update({ lastUsedAt: this.#options.clock.wallTime() })
      const { bytesFrom, backToSource } = download.progress()
      return { taskId: download.task.taskId, contentLength, contentDigest, path: stored.path, bytesFrom, backToSource }
    } catch (error) {
      this.#isOver = true
      download.end()
      throw error
    }
  }

  async #release(): Promise<void> {
    if (--this.#holders > 0) return
    // A failed download has ended already; one that is complete only gives its pieces free.
    await this.abandon(new DamselflyError('CANCELLED', 'nobody waits for the download any more'))
    this.#options.download.end()
    this.#options.onEnded()
  }

  async *#content(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const stored = await this.#options.download.ready
    const failed = new AbortController()
    this.#finished.catch((error: unknown) => failed.abort(error))
    yield* contentInOrder(stored, AbortSignal.any([signal, failed.signal]))
  }
}
