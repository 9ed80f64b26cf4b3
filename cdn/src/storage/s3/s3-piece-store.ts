import { setImmediate as nextTurn } from 'node:timers/promises'
import pLimit from 'p-limit'
import type { PieceStore, StoredTask, TaskRecord, TaskSelection, TaskSummary } from '@damselfly/exchange'
import { firstTasks, InFlight, isSameLayout, KeyedLock, LoadedTasks, rowsOf, startable, type RunningPieceStore, type Writing } from '@damselfly/exchange/store-parts'
import { DamselflyError, messageOf, pause, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { S3Client } from '@aws-sdk/client-s3'
import { HotPieces } from './hot-pieces.ts'
import { piecesKey, taskKey } from './object-keys.ts'
import { readTask, Refresh } from './refresh.ts'
import { S3Bucket } from './s3-bucket.ts'
import { S3StoredTask } from './s3-stored-task.ts'
import type { S3TaskServices } from './s3-task-services.ts'
import { Spool } from './spool.ts'
import { encodeMetadata, versionOf } from './stored-metadata.ts'
import { TaskCatalogue } from './task-catalogue.ts'

/** Small requests at once. */
const MAX_REQUESTS = 8

/** How long a change that may be lost waits for others; milliseconds. */
const FLUSH_INTERVAL_MS = 5 * 60_000

/** How long the stop waits for the bucket to take what it does not know yet; milliseconds. */
const LAST_FLUSH_MS = 5000

/** How long the start waits for the list of tasks, which goes on after it; milliseconds. */
const START_PATIENCE_MS = 3000

export interface S3PieceStoreInit {
  /** A new one for each start; the store destroys it when it stops. */
  readonly createClient: () => S3Client
  readonly bucket: string
  /** Of all keys, so that a bucket may be shared with others. */
  readonly prefix: string
  /** Bytes of pieces in memory, those on their way to and from the bucket among them. */
  readonly memory: number
  /** A file of this store alone, for pieces that are not whole yet. */
  readonly spoolFile: string
  readonly createWriting: () => Writing
  /** @default 3000 */
  readonly startPatienceMs?: number
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The piece store in a bucket, which several may share:
 *
 * ```
 * <prefix>tasks/ab12….json                         record and version of task ab12…
 * <prefix>pieces/ab12…/<version>/<index>-<digest>  the bytes of a piece
 * ```
 */
export function createS3PieceStore(init: S3PieceStoreInit): PieceStore {
  return startable(() => RunningS3Store.start(init))
}

class RunningS3Store implements RunningPieceStore {
  readonly #init: S3PieceStoreInit
  readonly #client: S3Client
  readonly #services: S3TaskServices
  readonly #refresh: Refresh
  readonly #loaded = new LoadedTasks<S3StoredTask>()
  /** Opening, creating and deleting one task exclude each other. */
  readonly #lock = new KeyedLock<TaskId>()
  /** Metadata is written in the order of its changes. */
  readonly #saves = new KeyedLock<TaskId>()
  readonly #inFlight = new InFlight()
  readonly #ending = new AbortController()
  #cancelFlush: () => void = () => undefined
  #stopping: Promise<void> | undefined

  /** @throws DamselflyError STORAGE_DENIED, STORAGE_MISSING, STORAGE_FAILED, DISK_DENIED, DISK_FULL, DISK_FAILED */
  static async start(init: S3PieceStoreInit): Promise<RunningS3Store> {
    const store = new RunningS3Store(init)
    try {
      await store.#start()
      return store
    } catch (error) {
      await store.stop()
      throw error
    }
  }

  private constructor(init: S3PieceStoreInit) {
    const { clock, logger, bucket, prefix, memory, spoolFile } = init
    const { signal } = this.#ending
    this.#init = init
    this.#client = init.createClient()
    this.#services = {
      bucket: new S3Bucket({ client: this.#client, bucket, prefix, clock, signal }),
      catalogue: new TaskCatalogue(),
      hot: new HotPieces(memory, clock),
      spool: new Spool(spoolFile, init.createWriting(), clock, logger),
      save: (taskId) => this.#save(taskId, signal),
      logger,
    }
    this.#refresh = new Refresh({
      ...this.#services,
      exclusively: (taskId, work) => this.#lock.run(taskId, work),
      isLoaded: (taskId) => this.#loaded.get(taskId) !== undefined,
      clock,
      signal,
    })
  }

  get usedBytes(): number {
    return this.#services.catalogue.usedBytes
  }

  get count(): number {
    return this.#services.catalogue.count
  }

  list(): readonly TaskSummary[] {
    return this.#services.catalogue.summaries()
  }

  first(selection: TaskSelection): readonly TaskSummary[] {
    return firstTasks(rowsOf(this.list()), selection)
  }

  summary(taskId: TaskId): TaskSummary | undefined {
    return this.#services.catalogue.summary(taskId)
  }

  record(taskId: TaskId): Promise<TaskRecord | undefined> {
    const { catalogue } = this.#services
    return Promise.resolve(catalogue.has(taskId) ? catalogue.get(taskId).record : undefined)
  }

  records(taskIds: readonly TaskId[]): Promise<readonly (TaskRecord | undefined)[]> {
    return Promise.all(taskIds.map((taskId) => this.record(taskId)))
  }

  verifiedBytes(taskId: TaskId): number {
    const { catalogue } = this.#services
    return catalogue.has(taskId) ? catalogue.get(taskId).verifiedBytes : 0
  }

  diskBytes(taskId: TaskId): Promise<number> {
    return Promise.resolve(this.verifiedBytes(taskId))
  }

  async open(taskId: TaskId): Promise<StoredTask | undefined> {
    return this.#loaded.get(taskId) ?? (await this.#exclusively(taskId, () => this.#open(taskId)))
  }

  async create(record: TaskRecord): Promise<StoredTask> {
    return await this.#exclusively(record.taskId, async () => {
      const existing = await this.#open(record.taskId)
      if (existing === undefined) return await this.#create(record)
      if (!isSameLayout(existing.record, record)) {
        await this.#delete(record.taskId, existing)
        return await this.#create(record)
      }
      if (existing.layout === undefined && record.contentLength !== undefined) {
        await existing.update({ contentLength: record.contentLength })
      }
      return existing
    })
  }

  async delete(taskId: TaskId): Promise<void> {
    await this.#exclusively(taskId, () => this.#delete(taskId, this.#loaded.get(taskId)))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #start(): Promise<void> {
    await this.#services.spool.start()
    const listed = this.#inFlight.run(() => this.#refresh.first())
    // What comes late is only warned of: tasks that are asked for are looked up one by one.
    const isLate = pause(this.#init.clock, this.#init.startPatienceMs ?? START_PATIENCE_MS, this.#ending.signal)
    await Promise.race([listed, Promise.all([isLate, this.#refresh.answered])])
    this.#refresh.continue()
    this.#flushLater()
  }

  async #open(taskId: TaskId): Promise<S3StoredTask | undefined> {
    const loaded = this.#loaded.get(taskId)
    if (loaded !== undefined) return loaded
    const { catalogue, bucket, logger } = this.#services
    if (!catalogue.has(taskId)) {
      const metadata = await readTask(bucket, taskId, logger)
      if (metadata === undefined) return undefined
      catalogue.put(metadata, '')
    }
    return await this.#load(taskId)
  }

  async #create(record: TaskRecord): Promise<S3StoredTask> {
    const { taskId } = record
    const { catalogue } = this.#services
    catalogue.put({ record, version: versionOf(record), verifiedBytes: 0 }, '')
    try {
      await this.#services.save(taskId)
      // Another supernode may have stored the same version.
      return await this.#load(taskId)
    } catch (error) {
      catalogue.remove(taskId)
      throw error
    }
  }

  async #load(taskId: TaskId): Promise<S3StoredTask> {
    const task: S3StoredTask = new S3StoredTask(taskId, this.#services, (isHeld) => {
      if (isHeld) this.#loaded.pin(taskId, task)
      else this.#loaded.unpin(taskId)
    })
    await task.load()
    this.#loaded.add(taskId, task)
    return task
  }

  /** The metadata goes first: pieces without it are nobody's. */
  async #delete(taskId: TaskId, task: S3StoredTask | undefined): Promise<void> {
    const { bucket, catalogue } = this.#services
    if (!catalogue.has(taskId)) return
    // Whoever was given it just now may say first that it is in use.
    await nextTurn()
    if (task?.isBusy === true) throw new DamselflyError('TASK_BUSY', `task ${taskId} is in use`)
    await task?.close(new DamselflyError('TASK_NOT_FOUND', `task ${taskId} was deleted`))
    this.#loaded.delete(taskId)
    await this.#saves.run(taskId, async () => {
      await bucket.delete(taskKey(taskId))
      catalogue.remove(taskId)
    })
    const requests = pLimit(MAX_REQUESTS)
    for await (const page of bucket.list(piecesKey(taskId))) {
      await Promise.all(page.map(({ key }) => requests(() => bucket.delete(key))))
    }
  }

  async #save(taskId: TaskId, signal: AbortSignal): Promise<void> {
    const { bucket, catalogue } = this.#services
    await this.#saves.run(taskId, async () => {
      if (!catalogue.has(taskId)) return
      catalogue.saved(taskId)
      try {
        await bucket.put(taskKey(taskId), encodeMetadata(catalogue.get(taskId)), { signal })
      } catch (error) {
        catalogue.change(taskId, {})
        throw error
      }
    })
  }

  #flushLater(): void {
    this.#cancelFlush = this.#init.clock.after(FLUSH_INTERVAL_MS, () => {
      void this.#inFlight.run(() => this.#flush(this.#ending.signal))
      this.#flushLater()
    })
  }

  async #flush(signal: AbortSignal): Promise<void> {
    const requests = pLimit(MAX_REQUESTS)
    const unsaved = this.#services.catalogue.takeUnsaved()
    try {
      await Promise.all(unsaved.map((taskId) => requests(() => this.#save(taskId, signal))))
    } catch (error) {
      this.#services.logger.warn({ reason: messageOf(error) }, 'writing when tasks were last used failed')
    }
  }

  async #stop(): Promise<void> {
    const reason = new DamselflyError('CANCELLED', 'the piece store stops')
    this.#cancelFlush()
    this.#ending.abort(reason)
    await this.#inFlight.settled()
    await this.#refresh.stop()
    await Promise.all(this.#loaded.all().map((task) => task.close(reason)))
    await this.#flush(AbortSignal.timeout(LAST_FLUSH_MS))
    await this.#services.spool.stop()
    this.#client.destroy()
  }

  async #exclusively<T>(taskId: TaskId, work: () => Promise<T>): Promise<T> {
    this.#ending.signal.throwIfAborted()
    return await this.#inFlight.run(() => this.#lock.run(taskId, work))
  }
}
