import { ORIGIN_PEER, RateLimiter, stricter, type Clock, type Priority, type TaskId } from '@damselfly/shared'

/** What this host may send and receive; bytes per second, 0: no limit. */
export interface RateSettings {
  /** All uploads together. */
  readonly upload: number
  /** All downloads together. */
  readonly download: number
  /** What is downloaded from origins, all together. */
  readonly origin: number
  /** Uploads of one task. */
  readonly taskUpload: number
  /** Downloads of one task. */
  readonly taskDownload: number
  /** Uploads to one peer. */
  readonly peerUpload: number
  /** Downloads from one peer. */
  readonly peerDownload: number
}

export const NO_RATES: RateSettings = {
  upload: 0,
  download: 0,
  origin: 0,
  taskUpload: 0,
  taskDownload: 0,
  peerUpload: 0,
  peerDownload: 0,
}

/** What the supernode allows this host; bytes per second, 0: no limit. */
export type SupernodeRates = Pick<RateSettings, 'upload' | 'download' | 'origin'>

/** Limits that one task alone was given; undefined: those of all tasks. Bytes per second, 0: no limit. */
export interface TaskRates {
  readonly upload: number | undefined
  readonly download: number | undefined
}

/** What a caller wishes for its download. */
export interface RateWish {
  /** Bytes per second; undefined: no limit of its own. */
  readonly rate: number | undefined
  readonly priority: Priority
}

/** All limits of this host: its own, the supernode's, those of tasks and of callers. One limiter for each direction. */
export class HostRates {
  readonly uploads: RateLimiter
  readonly downloads: RateLimiter
  readonly #wishes = new Map<TaskId, Set<RateWish>>()
  readonly #tasks = new Map<TaskId, TaskRates>()
  #settings: RateSettings
  #supernode: SupernodeRates = NO_RATES
  #priorityChanged: (taskId: TaskId, priority: Priority) => void = () => undefined

  constructor(settings: RateSettings, clock: Clock) {
    this.#settings = settings
    this.uploads = new RateLimiter(0, clock)
    this.downloads = new RateLimiter(0, clock)
    this.#apply()
  }

  /** This host's own. */
  get settings(): RateSettings {
    return this.#settings
  }

  get supernode(): SupernodeRates {
    return this.#supernode
  }

  get tasks(): ReadonlyMap<TaskId, TaskRates> {
    return this.#tasks
  }

  /** Holds at once. What is left out stays. */
  change(settings: Partial<RateSettings>): void {
    this.#settings = { ...this.#settings, ...settings }
    this.#apply()
  }

  /** The supernode may lower this host's own limits, and lift what it lowered, never raise them. */
  supernodeAllows(rates: SupernodeRates): void {
    this.#supernode = rates
    this.#apply()
  }

  /** Gives one task limits of its own, in place of those of all tasks and of its callers. Holds at once. */
  limitTask(taskId: TaskId, rates: TaskRates): void {
    if (rates.upload === undefined && rates.download === undefined) this.#tasks.delete(taskId)
    else this.#tasks.set(taskId, rates)
    this.#applyTo(taskId)
  }

  /** Counts a caller's wish until it is taken back. Of several callers of one task, the fastest counts. */
  wish(taskId: TaskId, wish: RateWish): () => void {
    const wishes = this.#wishes.get(taskId) ?? new Set()
    this.#changeWishes(taskId, () => this.#wishes.set(taskId, wishes.add(wish)))
    return () => {
      this.#changeWishes(taskId, () => {
        wishes.delete(wish)
        if (wishes.size === 0 && this.#wishes.get(taskId) === wishes) this.#wishes.delete(taskId)
      })
    }
  }

  /** Called when other callers make a task more or less urgent. One listener. */
  onPriority(listener: (taskId: TaskId, priority: Priority) => void): void {
    this.#priorityChanged = listener
  }

  #changeWishes(taskId: TaskId, change: () => void): void {
    const before = this.priorityOf(taskId)
    change()
    this.#applyTo(taskId)
    const now = this.priorityOf(taskId)
    if (now !== before) this.#priorityChanged(taskId, now)
  }

  /** Foreground as soon as one caller waits for the task. */
  priorityOf(taskId: TaskId): Priority {
    const wishes = this.#wishes.get(taskId)
    if (wishes === undefined) return 'foreground'
    for (const { priority } of wishes) if (priority === 'foreground') return 'foreground'
    return 'background'
  }

  #apply(): void {
    const { upload, download, origin, taskUpload, taskDownload, peerUpload, peerDownload } = this.#settings
    const { uploads, downloads } = this
    uploads.setLimits({ host: stricter(upload, this.#supernode.upload), perTask: taskUpload, perPeer: peerUpload })
    downloads.setLimits({ host: stricter(download, this.#supernode.download), perTask: taskDownload, perPeer: peerDownload })
    // Of origins there is one limit for all of them, and not that of one peer.
    const fromOrigins = stricter(origin, this.#supernode.origin)
    downloads.limitPeer(ORIGIN_PEER, fromOrigins === 0 && peerDownload === 0 ? undefined : fromOrigins)
    for (const taskId of new Set([...this.#wishes.keys(), ...this.#tasks.keys()])) this.#applyTo(taskId)
  }

  #applyTo(taskId: TaskId): void {
    const given = this.#tasks.get(taskId)
    this.uploads.limitTask(taskId, given?.upload)
    this.downloads.limitTask(taskId, given?.download ?? this.#wishedRate(taskId))
  }

  #wishedRate(taskId: TaskId): number | undefined {
    let fastest = 0
    for (const { rate } of this.#wishes.get(taskId) ?? []) {
      if (rate === undefined) return undefined
      fastest = Math.max(fastest, rate)
    }
    return fastest === 0 ? undefined : stricter(fastest, this.#settings.taskDownload)
  }
}
