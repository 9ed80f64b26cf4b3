import pLimit from 'p-limit'
import { messageOf, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { taskKey, taskOfKey, TASKS } from './object-keys.ts'
import type { ListedObject, S3Bucket } from './s3-bucket.ts'
import { decodeMetadata, MAX_METADATA_BYTES, type TaskMetadata } from './stored-metadata.ts'
import type { TaskCatalogue } from './task-catalogue.ts'

/** How often the bucket is listed, to learn what others do with it; milliseconds. */
const INTERVAL_MS = 10 * 60_000

/** Metadata read at once. */
const MAX_READS = 16

export interface RefreshInit {
  readonly bucket: S3Bucket
  readonly catalogue: TaskCatalogue
  /** While nothing else happens to the task. */
  readonly exclusively: (taskId: TaskId, work: () => Promise<void>) => Promise<void>
  /** Whether somebody may have it in hand, so that it is left as it is. */
  readonly isLoaded: (taskId: TaskId) => boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** @returns undefined when the bucket has no such task. @throws DamselflyError STORAGE_* */
export async function readTask(bucket: S3Bucket, taskId: TaskId, logger: Logger): Promise<TaskMetadata | undefined> {
  const bytes = await bucket.get(taskKey(taskId), MAX_METADATA_BYTES)
  if (bytes === undefined) return undefined
  const metadata = decodeMetadata(taskId, bytes)
  if (metadata === undefined) logger.warn({ taskId }, 'the metadata of a task in the bucket is damaged; it counts as none')
  return metadata
}

/** Keeps the catalogue as the bucket is, page by page, in the background. */
export class Refresh {
  readonly #init: RefreshInit
  readonly #answered = Promise.withResolvers<void>()
  #running: Promise<void> | undefined
  #cancelNext: () => void = () => undefined

  constructor(init: RefreshInit) {
    this.#init = init
    this.#answered.promise.catch(() => undefined)
  }

  /** Resolves when the bucket has given its first page. @throws DamselflyError STORAGE_DENIED, STORAGE_MISSING, STORAGE_FAILED */
  get answered(): Promise<void> {
    return this.#answered.promise
  }

  /** Resolves when all tasks are known. @throws as `answered`; what fails after the first page is warned of */
  first(): Promise<void> {
    this.#running = this.#list()
    return Promise.all([this.answered, this.#running]).then(() => undefined)
  }

  /** From now on again and again. */
  continue(): void {
    this.#cancelNext = this.#init.clock.after(INTERVAL_MS, () => {
      this.#running = (this.#running ?? Promise.resolve()).then(() => this.#list())
      this.continue()
    })
  }

  async stop(): Promise<void> {
    this.#cancelNext()
    await this.#running
  }

  /** Never throws. */
  async #list(): Promise<void> {
    const { bucket, catalogue, logger, signal } = this.#init
    const gone = new Set(catalogue.ids())
    try {
      for await (const page of bucket.list(TASKS)) {
        this.#answered.resolve()
        await this.#take(page, gone)
      }
      for (const taskId of gone) await this.#drop(taskId)
    } catch (error) {
      this.#answered.reject(error)
      if (!signal.aborted) logger.warn({ reason: messageOf(error) }, 'listing the tasks in the bucket failed')
    }
  }

  async #take(page: readonly ListedObject[], gone: Set<TaskId>): Promise<void> {
    const reads = pLimit(MAX_READS)
    const { catalogue } = this.#init
    const changed: { readonly taskId: TaskId; readonly etag: string }[] = []
    for (const { key, etag } of page) {
      const taskId = taskOfKey(key)
      if (taskId === undefined) continue
      gone.delete(taskId)
      if (!catalogue.has(taskId) || catalogue.get(taskId).etag !== etag) changed.push({ taskId, etag })
    }
    await Promise.all(
      changed.map(({ taskId, etag }) => reads(() => this.#init.exclusively(taskId, () => this.#read(taskId, etag)))),
    )
  }

  async #read(taskId: TaskId, etag: string): Promise<void> {
    const { bucket, catalogue, isLoaded, logger } = this.#init
    if (isLoaded(taskId) || catalogue.isUnsaved(taskId)) return
    const metadata = await readTask(bucket, taskId, logger)
    if (metadata !== undefined) catalogue.put(metadata, etag)
  }

  /** Another supernode has deleted it. */
  async #drop(taskId: TaskId): Promise<void> {
    const { catalogue, exclusively, isLoaded } = this.#init
    await exclusively(taskId, () => {
      if (!isLoaded(taskId)) catalogue.remove(taskId)
      return Promise.resolve()
    })
  }
}
