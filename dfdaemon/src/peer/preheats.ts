import { contradicts, PREHEAT_TOKEN, type Collector, type ContentVersion, type PreheatListener, type PreheatReport, type PreheatRequest } from '@damselfly/exchange'
import { DamselflyError, deriveTaskId, toDamselflyError, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { PreheatDownload } from './preheat-download.ts'
import type { Download, DownloadRequest } from './peer.ts'

/** More than these at once are refused; the supernode asks for far fewer. */
const MOST_PREHEATS = 64

/** What is here of a content. */
export interface HeldContent extends ContentVersion {
  readonly verifiedBytes: number
  readonly isWhole: boolean
}

export interface PreheatsOptions {
  /** Whether this peer takes any. */
  readonly isAllowed: boolean
  readonly download: (request: DownloadRequest) => Promise<Download>
  readonly held: (taskId: TaskId) => Promise<HeldContent | undefined>
  /** Deletes what is held of another version. @throws DamselflyError TASK_BUSY */
  readonly discard: (taskId: TaskId) => Promise<void>
  readonly collector: Pick<Collector, 'collect'>
  readonly report: (report: PreheatReport) => void
  readonly clock: Clock
  readonly logger: Logger
}

interface Running {
  readonly taskId: TaskId
  readonly stop: AbortController
  readonly over: Promise<void>
  readonly download: PreheatDownload
  /** Of the content, as far as it is known; bytes. */
  readonly contentLength: number
}

/** Downloads what the supernode asks for, in the background, as far as there is room. */
export class Preheats implements PreheatListener {
  readonly #options: PreheatsOptions
  readonly #running = new Map<number, Running>()

  constructor(options: PreheatsOptions) {
    this.#options = options
  }

  asked(request: PreheatRequest): void {
    if (this.#running.has(request.id)) return
    const refusal = this.#refusal()
    if (refusal !== undefined) return this.#failed(request, refusal)
    const taskId = deriveTaskId(request.identity)
    const stop = new AbortController()
    const download = new PreheatDownload({
      begin: () => this.#options.download(downloadOf(request)),
      progress: (progress) => this.#options.report({ id: request.id, isDone: false, error: undefined, ...progress }),
      clock: this.#options.clock,
      signal: stop.signal,
    })
    const over = Promise.resolve().then(() => this.#run(request, taskId, download, stop.signal))
    this.#running.set(request.id, { taskId, stop, download, contentLength: request.version.contentLength ?? 0, over })
  }

  cancelled(id: number): void {
    this.#running.get(id)?.stop.abort(new DamselflyError('CANCELLED', 'the supernode cancelled the preheat'))
  }

  lost(): void {
    for (const { stop } of this.#running.values()) stop.abort(new DamselflyError('CANCELLED', 'the supernode is gone'))
  }

  /** A caller wants the content and may use its origin, which a preheat may not: it stands back until the returned function is called. */
  standBack(taskId: TaskId): () => void {
    const goOn = [...this.#running.values()].filter((running) => running.taskId === taskId).map(({ download }) => download.standBack())
    return () => {
      for (const each of goOn) each()
    }
  }

  async stop(): Promise<void> {
    this.lost()
    await Promise.all([...this.#running.values()].map(({ over }) => over))
  }

  #refusal(): DamselflyError | undefined {
    if (!this.#options.isAllowed) return new DamselflyError('PREHEAT_REFUSED', 'this peer takes no preheats')
    if (this.#running.size >= MOST_PREHEATS) return new DamselflyError('PREHEAT_REFUSED', `${MOST_PREHEATS} preheats are under way here`)
    return undefined
  }

  async #run(request: PreheatRequest, taskId: TaskId, download: PreheatDownload, signal: AbortSignal): Promise<void> {
    try {
      const { held, report } = this.#options
      // Whoever holds a private content whole could not prove anything to its origin, and need not.
      if (!(await this.#isHere(request, taskId))) {
        await this.#requireRoom()
        await download.run()
      }
      signal.throwIfAborted()
      const { verifiedBytes = 0, contentLength } = (await held(taskId)) ?? {}
      report({ id: request.id, isDone: true, error: undefined, verifiedBytes, contentLength })
    } catch (error) {
      const failure = toDamselflyError(error)
      this.#options.logger.info({ task: taskId, code: failure.code, reason: failure.message }, 'a preheat ended early')
      this.#failed(request, failure)
    } finally {
      this.#running.delete(request.id)
    }
  }

  /** Gives up what is held of another version. */
  async #isHere({ identity, version }: PreheatRequest, taskId: TaskId): Promise<boolean> {
    const { held, discard } = this.#options
    const before = await held(taskId)
    if (before === undefined || !contradicts(before, version, identity.digest !== undefined)) return before?.isWhole === true
    await discard(taskId)
    return false
  }

  /** What other preheats will still write counts too. @throws DamselflyError DISK_FULL */
  async #requireRoom(): Promise<void> {
    const running = [...this.#running.values()]
    const wanted = running.reduce((sum, { contentLength, download }) => sum + Math.max(0, contentLength - download.verifiedBytes), 0)
    const { isEnough } = await this.#options.collector.collect({ wanted, isDryRun: true })
    if (!isEnough) throw new DamselflyError('DISK_FULL', `there is no room here for ${wanted} more bytes`)
  }

  #failed({ id }: PreheatRequest, error: DamselflyError): void {
    this.#options.report({ id, isDone: false, error, verifiedBytes: 0, contentLength: undefined })
  }
}

function downloadOf({ identity, token }: PreheatRequest): DownloadRequest {
  return {
    url: identity.url,
    headers: [...(identity.headers ?? []), ...(token === '' ? [] : [[PREHEAT_TOKEN, token] as const])],
    filteredQueryParams: identity.filteredQueryParams ?? [],
    tag: identity.tag ?? '',
    application: identity.application ?? '',
    digest: identity.digest,
    range: identity.range,
    order: 'rarest-first',
    // The supernode asks the origin, once for all.
    backToSource: false,
    limitRate: undefined,
    priority: 'background',
  }
}
