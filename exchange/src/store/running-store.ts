import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DamselflyError, diskError, messageOf, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { writingHere, writingInThread } from './bytes/writing.ts'
import { DiskPace } from './disk-pace.ts'
import { FileHandles } from './file-handles.ts'
import { InFlight } from './in-flight.ts'
import { KeyedLock } from './keyed-lock.ts'
import { LoadedTasks } from './loaded-tasks.ts'
import { LocalStoredTask } from './local-stored-task.ts'
import { removeOrphans } from './orphans.ts'
import { PieceChecker } from './piece-checker.ts'
import type { StoredTask, TaskRecord } from './piece-store.ts'
import { recount } from './recount.ts'
import { isSameLayout } from './record-change.ts'
import { removeSidecar, readSidecars } from './sidecar.ts'
import { putPiece, putRecord, putState, StoreIndex, type Run } from './store-index.ts'
import { TaskFile, taskPath } from './task-file.ts'
import { TaskLedger } from './task-ledger.ts'
import { layoutOf } from './known-pieces.ts'
import type { TaskServices } from './task-services.ts'
import type { TaskState } from './task-state.ts'

export interface LocalPieceStoreInit {
  /** Belongs to this store alone; created if it is not there. */
  readonly directory: string
  /**
   * Hash and write large pieces in another thread: for a process whose own thread has more to do than to receive, on a
   * machine with cores to spare. It costs one copy of each byte more.
   */
  readonly writesInThread?: boolean
  /** Write beside each whole content what the index has of it, so that a lost index costs nothing but a check. @default false */
  readonly keepsSidecars?: boolean
  readonly clock: Clock
  readonly logger: Logger
}

/** The local store between start and stop. */
export class RunningStore {
  readonly #tasksDirectory: string
  readonly #services: TaskServices
  readonly #files: FileHandles
  readonly #pace: DiskPace
  readonly #loaded = new LoadedTasks<LocalStoredTask>()
  /** Opening, creating and deleting one task exclude each other. */
  readonly #lock = new KeyedLock<TaskId>()
  readonly #inFlight = new InFlight()
  readonly #ending = new AbortController()
  #stopping: Promise<void> | undefined

  /** @throws DamselflyError STORE_LOCKED, DISK_DENIED, DISK_FULL, DISK_FAILED */
  static async start(init: LocalPieceStoreInit): Promise<RunningStore> {
    const indexDirectory = join(init.directory, 'index')
    // Before level is told of it, since that makes directories which everybody may read.
    await mkdir(indexDirectory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw diskError(error, `create ${indexDirectory}`)
    })
    const index = new StoreIndex(indexDirectory, init.logger)
    try {
      // Opening the index takes the lock of the whole directory.
      const store = new RunningStore(init, index, await index.open())
      await store.#load()
      return store
    } catch (error) {
      await index.close(false)
      throw diskError(error, `start the store in ${init.directory}`)
    }
  }

  private constructor(init: LocalPieceStoreInit, index: StoreIndex, run: Run) {
    const { clock, logger, writesInThread = false, keepsSidecars = false } = init
    this.#tasksDirectory = join(init.directory, 'tasks')
    this.#files = new FileHandles(logger)
    this.#pace = new DiskPace(clock)
    this.#services = {
      index,
      run,
      keepsSidecars,
      clock,
      logger,
      ledger: new TaskLedger(clock, () => void this.#inFlight.run(() => this.#flush())),
      writing: writesInThread ? writingInThread() : writingHere(),
      checker: new PieceChecker(this.#ending.signal),
    }
  }

  get usedBytes(): number {
    return this.#services.ledger.usedBytes
  }

  list(): readonly TaskRecord[] {
    return this.#services.ledger.records()
  }

  verifiedBytes(taskId: TaskId): number {
    const { ledger } = this.#services
    return ledger.has(taskId) ? ledger.state(taskId).verifiedBytes : 0
  }

  async diskBytes(taskId: TaskId): Promise<number> {
    return this.#services.ledger.has(taskId) ? this.#fileOf(taskId).ownBytes() : 0
  }

  async open(taskId: TaskId): Promise<StoredTask | undefined> {
    return await this.#exclusively(taskId, () => this.#open(taskId))
  }

  async create(record: TaskRecord): Promise<StoredTask> {
    return await this.#exclusively(record.taskId, async () => {
      const existing = await this.#open(record.taskId)
      if (existing === undefined) return await this.#create(record)
      if (!isSameLayout(existing.record, record)) {
        await this.#delete(existing)
        return await this.#create(record)
      }
      if (existing.layout === undefined && record.contentLength !== undefined) {
        await existing.update({ contentLength: record.contentLength })
      }
      return existing
    })
  }

  async delete(taskId: TaskId): Promise<void> {
    await this.#exclusively(taskId, async () => {
      const task = this.#loaded.get(taskId)
      if (task !== undefined) await this.#delete(task)
      else if (this.#services.ledger.has(taskId)) await this.#remove(taskId)
    })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #load(): Promise<void> {
    const { index, ledger, logger, run } = this.#services
    for (const task of await index.tasks()) ledger.add(task)
    if (run.mayLackTasks) await this.#restoreLost()
    const found = await removeOrphans(this.#tasksDirectory, (taskId) => ledger.has(taskId))
    for (const { taskId } of ledger.records()) {
      if (found.has(taskId)) continue
      logger.warn({ taskId }, 'dropped a task whose file is gone')
      await index.remove(taskId)
      ledger.remove(taskId)
    }
    // A clean stop has written the sums.
    if (run.suspectBefore === run.number) await recount(index, ledger)
  }

  /** Takes tasks that the index does not know from what lies beside their files; their pieces are hashed before they count. */
  async #restoreLost(): Promise<void> {
    const { index, ledger, logger } = this.#services
    let restored = 0
    for await (const { record, digests } of readSidecars(this.#tasksDirectory)) {
      const { taskId, lastUsedAt } = record
      if (ledger.has(taskId)) continue
      const state: TaskState = { verifiedBytes: record.contentLength ?? 0, lastUsedAt, trustedSince: 0, stamp: undefined }
      const pieces = digests.map((digest, piece) => putPiece(taskId, piece, digest))
      await index.write([putRecord(record), putState(taskId, state), ...pieces])
      ledger.add({ taskId, record, state })
      restored++
    }
    if (restored > 0) logger.warn({ restored }, 'the index had lost tasks; they were restored from what lies beside them')
  }

  async #open(taskId: TaskId): Promise<LocalStoredTask | undefined> {
    const loaded = this.#loaded.get(taskId)
    if (loaded !== undefined || !this.#services.ledger.has(taskId)) return loaded
    const task = this.#taskOf(taskId)
    await task.load()
    this.#loaded.add(taskId, task)
    return task
  }

  async #create(record: TaskRecord): Promise<LocalStoredTask> {
    const { taskId, lastUsedAt } = record
    const { index, ledger, run } = this.#services
    const size = layoutOf(record)?.contentLength ?? 0
    const file = this.#fileOf(taskId)
    await file.create(size)
    const state: TaskState = { verifiedBytes: 0, lastUsedAt, trustedSince: run.number, stamp: undefined }
    await index.write([putRecord(record), putState(taskId, state)])
    ledger.add({ taskId, record, state })
    const task = this.#taskOf(taskId)
    this.#loaded.add(taskId, task)
    return task
  }

  async #delete(task: LocalStoredTask): Promise<void> {
    const { taskId } = task.record
    if (task.isBusy) throw new DamselflyError('TASK_BUSY', `task ${taskId} is in use`)
    await task.close(new DamselflyError('TASK_NOT_FOUND', `task ${taskId} was deleted`))
    this.#loaded.delete(taskId)
    await this.#remove(taskId)
  }

  /** The index goes first: a file without a record is removed at the next start. */
  async #remove(taskId: TaskId): Promise<void> {
    await this.#services.index.remove(taskId)
    this.#services.ledger.remove(taskId)
    const file = this.#fileOf(taskId)
    await file.remove()
    if (this.#services.keepsSidecars) await removeSidecar(file.path)
  }

  async #stop(): Promise<void> {
    const reason = new DamselflyError('CANCELLED', 'the piece store stops')
    this.#ending.abort(reason)
    await this.#inFlight.settled()
    await Promise.all(this.#loaded.all().map((task) => task.close(reason)))
    const isClean = await this.#settle()
    await this.#files.closeAll()
    await this.#services.writing.stop()
    await this.#services.index.close(isClean)
  }

  /** @returns whether the index has everything. */
  async #settle(): Promise<boolean> {
    try {
      await this.#stampWritten()
      await this.#services.index.write(this.#services.ledger.takeUnsaved())
      return true
    } catch (error) {
      this.#services.logger.warn({ reason: messageOf(error) }, 'the stop is not clean: pieces are checked at the next start')
      return false
    }
  }

  /** Remembers how the unfinished files look that were written in this run. */
  async #stampWritten(): Promise<void> {
    const { ledger, run } = this.#services
    for (const { taskId } of ledger.records()) {
      const { stamp, trustedSince, verifiedBytes } = ledger.state(taskId)
      if (stamp !== undefined || trustedSince !== run.number || verifiedBytes === 0) continue
      ledger.touch(taskId, { stamp: await this.#fileOf(taskId).stamp() })
    }
  }

  async #flush(): Promise<void> {
    const { index, ledger, logger } = this.#services
    try {
      await index.write(ledger.takeUnsaved())
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'writing when tasks were last used failed')
    }
  }

  async #exclusively<T>(taskId: TaskId, work: () => Promise<T>): Promise<T> {
    this.#ending.signal.throwIfAborted()
    return await this.#inFlight.run(() => this.#lock.run(taskId, work))
  }

  #taskOf(taskId: TaskId): LocalStoredTask {
    const task: LocalStoredTask = new LocalStoredTask(taskId, this.#fileOf(taskId), this.#services, (isHeld) => {
      if (isHeld) this.#loaded.pin(taskId, task)
      else this.#loaded.unpin(taskId)
    })
    return task
  }

  #fileOf(taskId: TaskId): TaskFile {
    return new TaskFile(taskPath(this.#tasksDirectory, taskId), this.#files, this.#pace)
  }
}
