import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { roomyCollector } from '@damselfly/exchange/testing/piece-store'
import { DamselflyError, deriveTaskId, systemClock, type PeerId, type TaskId } from '@damselfly/shared'
import type { DownloadRequest, OwnDownload, Peer, PeerStatus, TaskView } from '../peer/peer.ts'
import { HostRates, NO_RATES } from '../peer/host-rates.ts'
import { FakeDownload, type FakeContent } from './fake-download.ts'

export interface FakePeerInit {
  readonly dataDir: string
  /** What can be downloaded, by URL. */
  readonly contents: Readonly<Record<string, FakeContent>>
  /** Bytes. @default 64 KiB */
  readonly pieceSize?: number | undefined
  /** Holds each piece back until it resolves. */
  readonly beforePiece?: ((index: number) => Promise<void>) | undefined
}

/** A peer without a network: it writes the given contents to real files, piece by piece. */
export class FakePeer implements Peer {
  readonly rates: HostRates = new HostRates(NO_RATES, systemClock)
  readonly collector = roomyCollector()
  readonly requests: DownloadRequest[] = []
  readonly downloads: FakeDownload[] = []
  readonly #init: FakePeerInit
  readonly #deleted = new Set<TaskId>()

  constructor(init: FakePeerInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    await mkdir(this.#init.dataDir, { recursive: true, mode: 0o700 })
  }

  async stop(): Promise<void> {
    await Promise.all(this.downloads.map((download) => download.release()))
  }

  async download(request: DownloadRequest): Promise<OwnDownload> {
    this.requests.push(request)
    const content = this.#init.contents[request.url]
    if (content === undefined) throw new DamselflyError('URL_REFUSED', `'${request.url}' is not among the contents`)
    const taskId = deriveTaskId({ ...request, headers: undefined })
    const path = join(this.#init.dataDir, taskId)
    const file = await open(path, 'w', 0o600)
    const download = new FakeDownload({
      taskId,
      path,
      file,
      content,
      pieceSize: this.#init.pieceSize ?? 64 * 1024,
      beforePiece: this.#init.beforePiece ?? (() => Promise.resolve()),
    })
    this.downloads.push(download)
    return download
  }

  tasks(): Promise<readonly TaskView[]> {
    return Promise.resolve(this.#views())
  }

  task(taskId: TaskId): Promise<TaskView | undefined> {
    return Promise.resolve(this.#views().find((task) => task.taskId === taskId))
  }

  async deleteTask(taskId: TaskId): Promise<void> {
    const download = this.downloads.find((candidate) => candidate.taskId === taskId && !this.#deleted.has(taskId))
    if (download === undefined) throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${taskId}`)
    if (download.pinned) throw new DamselflyError('TASK_PINNED', `task ${taskId} is pinned`)
    if (!download.released) throw new DamselflyError('TASK_BUSY', `task ${taskId} is in use`)
    this.#deleted.add(taskId)
    await rm(join(this.#init.dataDir, taskId))
  }

  async pinTask(taskId: TaskId, isPinned: boolean): Promise<void> {
    const download = this.downloads.find((candidate) => candidate.taskId === taskId)
    if (download === undefined) throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${taskId}`)
    download.pinned = isPinned
  }

  status(): PeerStatus {
    return {
      peer: '12D3KooWfake' as PeerId,
      version: '0.0.0',
      supernode: { type: 'disconnected', address: '[::1]:65002', error: undefined },
      endpoints: [],
      downloads: this.downloads.filter((download) => !download.released).length,
      tasks: this.#views().length,
      usedBytes: this.#views().reduce((sum, task) => sum + task.verifiedBytes, 0),
    }
  }

  #views(): readonly TaskView[] {
    return this.downloads.filter((download) => !this.#deleted.has(download.taskId)).map((download) => download.view())
  }
}
