import { hash, randomUUID } from 'node:crypto'
import { DamselflyError, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Download, DownloadProgress, DownloadRequest, FinishedDownload, Peer } from '../peer/peer.ts'

/** How long a finished content stays readable for the caller who downloaded it; milliseconds. */
export const LINGER_MS = 60_000

const NOT_WANTED = new DamselflyError('CANCELLED', 'nobody wants this download any more')
const GIVEN_UP = new DamselflyError('CANCELLED', 'the caller released the download')

/** How a download ended. */
export type Outcome =
  | { readonly type: 'finished'; readonly result: FinishedDownload }
  | { readonly type: 'failed'; readonly error: unknown }

/** Told of each end of a download, once for every caller. */
export interface OutcomeListener {
  ended(outcome: Outcome, progress: DownloadProgress): void
}

interface HandleParts {
  /** Whether the content stays readable for a while when nobody uses the handle any more. */
  readonly lingers: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly listener: OutcomeListener
  readonly onReleased: () => void
}

type CommonParts = Omit<HandleParts, 'lingers' | 'onReleased'>

/**
 * One local caller's download. It is released when nobody uses it: at once while it runs or
 * after it failed, and after `LINGER_MS` when it finished and lingers, so that the caller can fetch the content.
 */
export class DownloadHandle {
  /** Whoever knows it may read the content; only the caller who started the download is told. */
  readonly capability: string
  readonly download: Download
  readonly #parts: HandleParts
  readonly #stopping: AbortController = new AbortController()
  #users = 0
  #outcome: Outcome | undefined
  #released: Promise<void> | undefined
  #cancelLinger: () => void = () => undefined

  constructor(download: Download, parts: HandleParts) {
    this.capability = randomUUID()
    this.download = download
    this.#parts = parts
    download.finished.then(
      (result) => this.#settle({ type: 'finished', result }),
      (error: unknown) => this.#settle({ type: 'failed', error }),
    )
  }

  /** Undefined while it runs. */
  get outcome(): Outcome | undefined {
    return this.#outcome
  }

  /** Aborted, with the reason, when the handle is taken away from its users. */
  get stopped(): AbortSignal {
    return this.#stopping.signal
  }

  /** Keeps the download alive until the returned function is called. */
  use(): () => void {
    this.#users++
    this.#cancelLinger()
    let used = true
    return () => {
      if (!used) return
      used = false
      this.#users--
      this.#releaseWhenUnused()
    }
  }

  /** Ends it for every user. Idempotent. */
  release(reason: DamselflyError): Promise<void> {
    this.#released ??= this.#end(reason)
    return this.#released
  }

  async #end(reason: DamselflyError): Promise<void> {
    this.#cancelLinger()
    this.#parts.onReleased()
    this.#stopping.abort(reason)
    try {
      await this.download.release()
    } catch (error) {
      this.#parts.logger.error({ err: error, taskId: this.download.taskId }, 'releasing a download failed')
    }
  }

  #settle(outcome: Outcome): void {
    this.#outcome = outcome
    this.#parts.listener.ended(outcome, this.download.progress())
    this.#releaseWhenUnused()
  }

  #releaseWhenUnused(): void {
    if (this.#users > 0 || this.#released !== undefined) return
    const release = (): void => void this.release(NOT_WANTED)
    const { lingers, clock } = this.#parts
    if (this.#outcome?.type !== 'finished' || !lingers) return release()
    this.#cancelLinger()
    this.#cancelLinger = clock.after(LINGER_MS, release)
  }
}

/** The downloads of all local callers. */
export class DownloadHandles {
  readonly #peer: Peer
  readonly #parts: CommonParts
  /** By the fingerprint of their capability: how long a search takes tells nothing of the capability itself. */
  readonly #handles = new Map<string, DownloadHandle>()
  #stopReason: DamselflyError | undefined

  constructor(peer: Peer, parts: CommonParts) {
    this.#peer = peer
    this.#parts = parts
  }

  /**
   * The caller must `use` the handle in the same turn, else it is released once the download ends.
   *
   * @param lingers whether the finished content stays readable for a while after its last use
   * @throws DamselflyError URL_REFUSED, DAEMON_UNREACHABLE while the daemon stops
   */
  async open(request: DownloadRequest, lingers: boolean): Promise<DownloadHandle> {
    this.#throwIfStopping()
    const download = await this.#peer.download(request)
    const onReleased = (): void => void this.#handles.delete(fingerprint(handle.capability))
    const handle = new DownloadHandle(download, { ...this.#parts, lingers, onReleased })
    this.#handles.set(fingerprint(handle.capability), handle)
    if (this.#stopReason !== undefined) await handle.release(this.#stopReason)
    this.#throwIfStopping()
    return handle
  }

  /** The handle of this task that the capability opens. */
  find(taskId: TaskId, capability: string | undefined): DownloadHandle | undefined {
    const handle = capability === undefined ? undefined : this.#handles.get(fingerprint(capability))
    return handle?.download.taskId === taskId ? handle : undefined
  }

  /** @returns whether there was such a download. */
  async release(capability: string): Promise<boolean> {
    const handle = this.#handles.get(fingerprint(capability))
    await handle?.release(GIVEN_UP)
    return handle !== undefined
  }

  /** Ends every download. No more are opened. */
  async stop(): Promise<void> {
    this.#stopReason = new DamselflyError('DAEMON_UNREACHABLE', 'dfdaemon stopped during the download')
    const reason = this.#stopReason
    await Promise.all([...this.#handles.values()].map((handle) => handle.release(reason)))
  }

  #throwIfStopping(): void {
    if (this.#stopReason !== undefined) throw this.#stopReason
  }
}

function fingerprint(capability: string): string {
  return hash('sha256', capability, 'base64')
}
