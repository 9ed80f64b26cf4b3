import { DamselflyError, type Clock, type HeaderMap } from '@damselfly/shared'
import type { StoredTask, TaskDownload } from '@damselfly/exchange'
import type { FinishedDownload, OwnDownload } from './peer.ts'
import type { Turns } from './turns.ts'

export interface SharedDownloadOptions {
  readonly download: TaskDownload
  /** The download waits for its turn to begin. */
  readonly turns: Turns
  readonly clock: Clock
}

const NOT_WANTED = new DamselflyError('CANCELLED', 'nobody waits for the download any more')

/** One running download and everybody who waits for it. It ends when the last of them lets go, or when it fails. */
export class SharedDownload {
  /** Resolves when nothing of it runs or is kept from deletion any more. */
  readonly ended: Promise<void>
  readonly #options: SharedDownloadOptions
  readonly #abandon = new AbortController()
  readonly #failed = new AbortController()
  readonly #finished: Promise<FinishedDownload>
  readonly #ended = Promise.withResolvers<void>()
  #holders = 0
  #isSettled = false

  constructor(options: SharedDownloadOptions) {
    this.#options = options
    this.ended = this.#ended.promise
    this.#finished = this.#run()
    // Whoever waits hears of a failure; it is no fault that nobody does.
    this.#finished.catch(() => undefined)
  }

  /** Whose access has been proved, by being used. */
  get credentials(): HeaderMap {
    return this.#options.download.task.credentials
  }

  get usesOrigin(): boolean {
    return this.#options.download.task.backToSource
  }

  /** Whether new callers can still join. */
  get isOpen(): boolean {
    return !this.#abandon.signal.aborted && !this.#failed.signal.aborted
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Resolves when the content is whole or the download has failed. */
  async settled(): Promise<void> {
    await this.#finished.catch(() => undefined)
  }

  /** A caller's own handle. */
  hold(): OwnDownload {
    this.#holders++
    let held = true
    const { download } = this.#options
    return {
      taskId: download.task.taskId,
      progress: () => download.progress(),
      finished: this.#finished,
      content: (signal, start) => this.#content(signal, start),
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
    await this.settled()
    this.#end()
  }

  async #run(): Promise<FinishedDownload> {
    try {
      const endTurn = await this.#options.turns.take(this.#abandon.signal)
      return await this.#download().finally(endTurn)
    } catch (error) {
      this.#failed.abort(error)
      this.#end()
      throw error
    } finally {
      this.#isSettled = true
    }
  }

  async #download(): Promise<FinishedDownload> {
    const { download, clock } = this.#options
    const { stored, contentLength, contentDigest } = await download.run(this.#abandon.signal)
    await stored.update({ lastUsedAt: clock.wallTime() })
    const { bytesFrom, backToSource } = download.progress()
    return { taskId: download.task.taskId, contentLength, contentDigest, path: pathOf(stored), bytesFrom, backToSource }
  }

  async #release(): Promise<void> {
    this.#holders--
    if (this.#holders === 0) await this.abandon(NOT_WANTED)
  }

  #end(): void {
    this.#options.download.end()
    this.#ended.resolve()
  }

  /**
   * The last bytes go out when the whole has proved right, so that whoever counts them is never deceived. Who begins in the middle
   * does not learn from their number that the whole is right: each piece is checked, and the rest need not be here.
   */
  async *#content(signal: AbortSignal, start = 0): AsyncGenerator<Uint8Array, undefined> {
    const { download } = this.#options
    let position = start
    let last: Uint8Array | undefined
    for await (const bytes of download.content(AbortSignal.any([signal, this.#failed.signal]), start)) {
      if (last !== undefined) yield last
      last = undefined
      position += bytes.length
      const { contentLength = position } = download.progress()
      if (start > 0 || position < contentLength) yield bytes
      // Their memory is used again.
      else last = Buffer.from(bytes)
    }
    if (start === 0) await this.#finished
    if (last !== undefined) yield last
    return undefined
  }
}

/** A daemon's store is on the disk of its host. */
function pathOf({ path }: StoredTask): string {
  if (path === undefined) throw new DamselflyError('INTERNAL', 'the content is in no file')
  return path
}
