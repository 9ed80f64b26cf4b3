import { DamselflyError, type Clock, type HeaderMap, type TaskId } from '@damselfly/shared'
import type { OriginReader, TaskDownload } from '@damselfly/exchange'
import type { DownloadRequest, OwnDownload } from './peer.ts'
import type { RequestedTask } from './requested-task.ts'
import { SharedDownload } from './shared-download.ts'
import { Turns } from './turns.ts'

/** How long an origin may take to say whether it admits somebody who joins; milliseconds. */
const PROOF_TIMEOUT = 30_000

/** Downloads that begin at once: enough to keep the disk, the origin and the supernode busy with small ones. */
const BEGIN_AT_ONCE = 64

/** A download that runs for so long is a large or a slow one, and the next may begin beside it; milliseconds. */
const LONGEST_BEGINNING = 2_000

export interface DownloadRegisterOptions {
  readonly create: (task: RequestedTask, request: DownloadRequest) => TaskDownload
  /** The origin as the caller sees it. */
  readonly origin: (task: RequestedTask) => OriginReader
  readonly clock: Clock
}

/** The downloads of a peer: one for each task, however many want it. */
export class DownloadRegister {
  readonly #options: DownloadRegisterOptions
  readonly #downloads = new Map<TaskId, SharedDownload>()
  readonly #turns: Turns
  readonly #stopping = new AbortController()

  constructor(options: DownloadRegisterOptions) {
    this.#options = options
    this.#turns = new Turns({ atOnce: BEGIN_AT_ONCE, longestMs: LONGEST_BEGINNING, clock: options.clock })
  }

  /** Downloads that run, or are kept for whoever asked for them. */
  get count(): number {
    return this.#downloads.size
  }

  has(taskId: TaskId): boolean {
    return this.#downloads.has(taskId)
  }

  /**
   * Joins the download of the task, or begins it.
   *
   * @throws DamselflyError what the origin says to the caller's credentials; CANCELLED after `stop`
   */
  async hold(task: RequestedTask, request: DownloadRequest): Promise<OwnDownload> {
    for (;;) {
      this.#stopping.signal.throwIfAborted()
      const shared = this.#downloads.get(task.taskId)
      if (shared === undefined) return this.#begin(task, request).hold()
      // Two downloads of one task would sign each other off at the supernode.
      if (!shared.isOpen) await shared.ended
      // One that may not use the origin is no help to a caller for whom it may, unless it succeeds.
      else if (request.backToSource && !shared.usesOrigin && !shared.isSettled) await shared.settled()
      else {
        await this.#prove(task, shared)
        if (shared.isOpen) return shared.hold()
      }
    }
  }

  /** Ends all downloads, and whatever waits to join one. */
  async stop(reason: DamselflyError): Promise<void> {
    this.#stopping.abort(reason)
    await Promise.all([...this.#downloads.values()].map((download) => download.abandon(reason)))
  }

  #begin(task: RequestedTask, request: DownloadRequest): SharedDownload {
    const { create, clock } = this.#options
    const shared = new SharedDownload({ download: create(task, request), turns: this.#turns, clock })
    this.#downloads.set(task.taskId, shared)
    void shared.ended.then(() => this.#downloads.delete(task.taskId))
    return shared
  }

  /** Whoever joins a download of somebody with other credentials shows that the origin would admit them too. */
  async #prove(task: RequestedTask, { credentials }: SharedDownload): Promise<void> {
    if (sameCredentials(task.credentials, credentials)) return
    const { clock, origin } = this.#options
    const timeout = new AbortController()
    const late = new DamselflyError('ORIGIN_UNREACHABLE', `the origin did not answer within ${PROOF_TIMEOUT / 1000} s`)
    const cancel = clock.after(PROOF_TIMEOUT, () => timeout.abort(late))
    try {
      await origin(task).probe(AbortSignal.any([timeout.signal, this.#stopping.signal]))
    } finally {
      cancel()
    }
  }
}

function sameCredentials(a: HeaderMap, b: HeaderMap): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value)
}
