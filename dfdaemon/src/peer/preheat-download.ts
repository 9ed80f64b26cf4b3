import type { Clock } from '@damselfly/shared'
import type { Download, DownloadProgress } from './peer.ts'

/** How often progress is told, if there is any; milliseconds. */
const INTERVAL = 500

/** How often it is told that there is none; milliseconds. */
const SIGN_OF_LIFE = 10_000

export interface PreheatDownloadOptions {
  readonly begin: () => Promise<Download>
  readonly progress: (progress: Pick<DownloadProgress, 'verifiedBytes' | 'contentLength'>) => void
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** The download of one preheat. Callers who may do more than it may make it stand back; it then joins them. */
export class PreheatDownload {
  readonly #options: PreheatDownloadOptions
  #standingBack = 0
  #verifiedBytes = 0
  #changed = Promise.withResolvers<void>()

  constructor(options: PreheatDownloadOptions) {
    this.#options = options
  }

  /** When it was last looked at. */
  get verifiedBytes(): number {
    return this.#verifiedBytes
  }

  /** Gives its download up until the returned function is called; what is verified stays. */
  standBack(): () => void {
    this.#standingBack++
    this.#wake()
    return () => {
      this.#standingBack--
      this.#wake()
    }
  }

  /** Resolves when the content is whole. @throws DamselflyError; the signal's reason */
  async run(): Promise<void> {
    const { signal } = this.#options
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    for (;;) {
      while (this.#standingBack > 0 && !signal.aborted) await this.#changed.promise
      signal.throwIfAborted()
      if (await this.#tryWhole(await this.#options.begin())) return
    }
  }

  /** @returns false when it had to stand back */
  async #tryWhole(download: Download): Promise<boolean> {
    const stopTelling = this.#tell(download)
    try {
      const finished = download.finished.then((): 'whole' => 'whole')
      while (this.#standingBack === 0) {
        this.#options.signal.throwIfAborted()
        if ((await Promise.race([finished, this.#changed.promise])) === 'whole') return true
      }
      return false
    } finally {
      stopTelling()
      download.finished.catch(() => undefined)
      await download.release()
    }
  }

  #tell(download: Download): () => void {
    const { clock, progress } = this.#options
    let told = -1
    let toldAt = Number.NEGATIVE_INFINITY
    let cancel = (): void => undefined
    const look = (): void => {
      const { verifiedBytes, contentLength } = download.progress()
      this.#verifiedBytes = verifiedBytes
      if (verifiedBytes !== told || clock.now() - toldAt >= SIGN_OF_LIFE) {
        told = verifiedBytes
        toldAt = clock.now()
        progress({ verifiedBytes, contentLength })
      }
      cancel = clock.after(INTERVAL, look)
    }
    look()
    return () => cancel()
  }

  #wake(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }
}
