import type { FailureReason, SchedulerEvent } from '../../contract.ts'
import type { Observer } from '../measure/observer.ts'
import type { Content } from './content.ts'
import type { Host } from './host.ts'
import type { LanePool } from './lane-pool.ts'
import type { OwnWay } from './own-way.ts'
import type { Uploads } from './uploads.ts'

/** Who is told how a download goes. */
export type DownloadListener = Pick<Observer, 'received' | 'gained' | 'idled' | 'completed'>

export interface DownloadOptions {
  readonly host: Host
  readonly content: Content
  readonly lanes: LanePool
  /** How many assignments it has open. */
  readonly window: number
  readonly report: (...events: SchedulerEvent[]) => void
  readonly createOwnWay: (download: Download) => OwnWay
  readonly listener: DownloadListener
  readonly now: () => number
}

interface Running {
  readonly parent: Uploads
  readonly startedAt: number
  cancel: () => void
}

/** One peer's download of one task: carries out assignments, reports how each went, and asks for as many again. */
export class Download {
  readonly host: Host
  readonly content: Content
  readonly joinedAt: number
  completedAt: number | undefined
  readonly #options: DownloadOptions
  readonly #held: Uint8Array
  readonly #running = new Map<number, Running>()
  readonly #ownWay: OwnWay
  #heldCount = 0
  #idleSince: number | undefined

  constructor(options: DownloadOptions) {
    this.#options = options
    this.host = options.host
    this.content = options.content
    this.joinedAt = options.now()
    this.#idleSince = this.joinedAt
    this.#held = new Uint8Array(options.content.pieces)
    this.#ownWay = options.createOwnWay(this)
  }

  get heldCount(): number {
    return this.#heldCount
  }

  get isComplete(): boolean {
    return this.#heldCount === this.content.pieces
  }

  has(piece: number): boolean {
    return this.#held[piece] === 1
  }

  isFetching(piece: number): boolean {
    return this.#running.has(piece)
  }

  /** How long it has idled until now, if it does; milliseconds. */
  idleTime(): number {
    return this.#idleSince === undefined ? 0 : this.#options.now() - this.#idleSince
  }

  /** Has pieces from earlier. */
  hold(pieces: Iterable<number>): void {
    for (const piece of pieces) this.#gain(piece)
  }

  assign(piece: number, parent: Uploads): void {
    this.#ownWay.stop()
    const running = this.#running.get(piece)
    if (running?.parent === parent) return this.#report(this.#want(1))
    if (running !== undefined || this.has(piece)) return this.#fail(piece, parent, 'cancelled')
    this.#endIdling()
    const started: Running = { parent, startedAt: this.#options.now(), cancel: () => undefined }
    this.#running.set(piece, started)
    started.cancel = this.#options.lanes.request(parent, {
      bytes: this.content.pieceSize,
      arrived: (isRight) => this.#arrived(piece, started, isRight),
      failed: (reason) => {
        this.#stopRunning(piece)
        this.#fail(piece, parent, reason)
      },
    })
  }

  cancel(piece: number, parent: Uploads): void {
    const running = this.#running.get(piece)
    if (running?.parent !== parent) return
    running.cancel()
    this.#stopRunning(piece)
    this.#fail(piece, parent, 'cancelled')
  }

  backToSource(): void {
    this.#ownWay.start()
  }

  /** A piece has come from the origin. */
  store(piece: number): void {
    this.#endIdling()
    if (!this.#gain(piece)) return
    this.#report({ type: 'pieces-available', task: this.content.task, peer: this.host.id, pieces: [piece] })
    this.#endIfComplete()
    this.#beginIdling()
  }

  /** The peer is gone. */
  end(): void {
    this.#ownWay.stop()
    this.#running.clear()
    this.#idleSince = undefined
  }

  #arrived(piece: number, { parent, startedAt }: Running, isRight: boolean): void {
    const { listener, now } = this.#options
    const { task, pieceSize: bytes } = this.content
    this.#stopRunning(piece)
    const quality = !isRight ? 'wrong' : this.has(piece) ? 'held' : 'right'
    listener.received(bytes, quality)
    if (!isRight) return this.#fail(piece, parent, 'corrupt')
    this.#gain(piece)
    const ids = { task, peer: this.host.id, piece, parent: parent.host.id }
    const done: SchedulerEvent = { type: 'piece-done', ...ids, bytes, durationMs: now() - startedAt }
    this.#report(done, ...(this.isComplete ? [] : [this.#want(1)]))
    this.#endIfComplete()
  }

  #fail(piece: number, parent: Uploads, reason: FailureReason): void {
    const ids = { task: this.content.task, peer: this.host.id, piece, parent: parent.host.id }
    this.#report({ type: 'piece-failed', ...ids, reason }, ...(this.isComplete ? [] : [this.#want(1)]))
  }

  #endIfComplete(): void {
    if (!this.isComplete || this.completedAt !== undefined || this.host.state !== 'up') return
    this.completedAt = this.#options.now()
    this.#report({ type: 'child-left', task: this.content.task, peer: this.host.id })
    this.#options.listener.completed(this)
  }

  #gain(piece: number): boolean {
    if (this.has(piece)) return false
    this.#held[piece] = 1
    this.#heldCount++
    this.#options.listener.gained(this, piece)
    return true
  }

  #stopRunning(piece: number): void {
    this.#running.delete(piece)
    this.#beginIdling()
  }

  #beginIdling(): void {
    if (this.#running.size === 0 && !this.isComplete) this.#idleSince = this.#options.now()
  }

  #endIdling(): void {
    if (this.#idleSince === undefined) return
    const ms = this.#options.now() - this.#idleSince
    this.#idleSince = undefined
    if (ms > 0) this.#options.listener.idled(ms)
  }

  #want(count: number): SchedulerEvent {
    return { type: 'pieces-wanted', task: this.content.task, peer: this.host.id, count }
  }

  #report(...events: SchedulerEvent[]): void {
    if (this.host.state === 'up') this.#options.report(...events)
  }
}
