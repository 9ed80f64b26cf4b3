import type { BackToSourceReason, BytesFrom, Collector, DownloadProgress } from '@damselfly/exchange'
import type { ByteRange, DamselflyError, PeerId, Priority, Sha256, TaskId } from '@damselfly/shared'
import type { HostRates } from './host-rates.ts'

export { BACK_TO_SOURCE_REASONS } from '@damselfly/exchange'
export type { BackToSourceReason, BytesFrom, DownloadProgress }

/** What a caller wants. The same for `dfget`, the local API and, later, the mirror. */
export interface DownloadRequest {
  readonly url: string
  /** Names in any case; credentials among them are used for this caller's access only. */
  readonly headers: readonly (readonly [string, string])[]
  readonly filteredQueryParams: readonly string[]
  readonly tag: string
  readonly application: string
  readonly digest: Sha256 | undefined
  readonly range: ByteRange | undefined
  /** `in-order` when the content is streamed while it downloads. */
  readonly order: 'rarest-first' | 'in-order'
  /** Whether the origin itself may be used. */
  readonly backToSource: boolean
  /** Bytes per second for this download; undefined: only the host's limit. */
  readonly limitRate: number | undefined
  /** `background` when nobody waits for it: it yields to what others want. */
  readonly priority: Priority
}

export interface FinishedDownload {
  readonly taskId: TaskId
  readonly contentLength: number
  /** Of the whole; undefined where nobody asked for it or signed it. */
  readonly contentDigest: Sha256 | undefined
  /** The file in the data directory that holds exactly the content. Read it, link it or copy it; never write to it. */
  readonly path: string
  readonly bytesFrom: BytesFrom
  readonly backToSource: BackToSourceReason | undefined
}

/** One caller's view of a download. Callers who want the same task share the work; each has a handle. */
export interface Download {
  readonly taskId: TaskId
  progress(): DownloadProgress
  /** Resolves when the whole content is verified. @throws DamselflyError */
  readonly finished: Promise<FinishedDownload>
  /**
   * The content in order, each byte verified, while it downloads. What is yielded is good until the next is asked for. Leaving
   * the loop early cancels nothing.
   * @throws DamselflyError when the download fails
   */
  content(signal: AbortSignal): AsyncIterable<Uint8Array>
  /**
   * This caller no longer wants it. The download ends when nobody does; verified pieces stay.
   * Idempotent, and right after `finished` too: until then the content is safe from deletion.
   */
  release(): Promise<void>
}

/** A download by a peer in this process. */
export interface OwnDownload extends Download {
  /** @param start the first byte, before which nothing is waited for; past the end nothing comes. @default 0 */
  content(signal: AbortSignal, start?: number): AsyncIterable<Uint8Array>
}

/** A task as people see it in lists: never credentials, the URL redacted. */
export interface TaskView {
  readonly taskId: TaskId
  readonly url: string
  readonly tag: string
  readonly application: string
  readonly state: 'downloading' | 'complete' | 'partial'
  readonly contentLength: number | undefined
  readonly verifiedBytes: number
  /** Whether it stays however full the disk is. */
  readonly pinned: boolean
  readonly contentDigest: Sha256 | undefined
  /** ISO 8601. */
  readonly createdAt: string
  readonly lastUsedAt: string
}

export type SupernodeState =
  | { readonly type: 'none' }
  | { readonly type: 'connected'; readonly address: string; readonly peer: PeerId }
  | { readonly type: 'disconnected'; readonly address: string; readonly error: DamselflyError | undefined }

export interface PeerStatus {
  readonly peer: PeerId
  readonly version: string
  readonly supernode: SupernodeState
  readonly endpoints: readonly string[]
  readonly downloads: number
  readonly tasks: number
  readonly usedBytes: number
}

/** A node that downloads and serves. `dfdaemon` runs one; `dfget` embeds one when no daemon runs. */
export interface Peer {
  /** Its limits; may be changed at any time. */
  readonly rates: HostRates
  /** @throws DamselflyError STORE_LOCKED, ADDRESS_IN_USE, DISK_DENIED, … An unreachable supernode is not an error. */
  start(): Promise<void>
  /** Lets what is being sent end within `graceMs`, then stops. Idempotent. */
  stop(graceMs: number): Promise<void>
  /** @throws DamselflyError URL_REFUSED */
  download(request: DownloadRequest): Promise<OwnDownload>
  tasks(): Promise<readonly TaskView[]>
  /** Undefined if there is no such task. */
  task(taskId: TaskId): Promise<TaskView | undefined>
  /** @throws DamselflyError TASK_NOT_FOUND, TASK_BUSY, TASK_PINNED */
  deleteTask(taskId: TaskId): Promise<void>
  /** @throws DamselflyError TASK_NOT_FOUND */
  pinTask(taskId: TaskId, isPinned: boolean): Promise<void>
  status(): PeerStatus
  /** Makes room on the disk. */
  readonly collector: Pick<Collector, 'status' | 'collectWithin' | 'totals'>
}
