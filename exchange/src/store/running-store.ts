import { mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { DamselflyError, diskError, isDamselflyError, messageOf, systemCode, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { writingHere, writingInThread } from './bytes/writing.ts'
import { DiskPace } from './disk-pace.ts'
import { DiskReserve } from './disk-reserve.ts'
import { FileHandles } from './file-handles.ts'
import { InFlight } from './in-flight.ts'
import { KeyedLock } from './keyed-lock.ts'
import { LoadedTasks } from './loaded-tasks.ts'
import { LocalStoredTask, type LocalStoredTaskInit } from './local-stored-task.ts'
import { PieceChecker } from './piece-checker.ts'
import type { StoredTask, TaskRecord, TaskSelection, TaskSummary } from './piece-store.ts'
import { isSameLayout } from './record-change.ts'
import { readSidecars, taskOfSidecar } from './sidecar.ts'
import { Sidecars } from './sidecars.ts'
import { putPiece, putRecord, putState, StoreIndex, type Run } from './store-index.ts'
import { sweep } from './sweep.ts'
import { loadTable } from './table/load-table.ts'
import { TableSnapshots } from './table/table-snapshots.ts'
import type { TaskTable } from './table/task-table.ts'
import { TaskFile, taskPath } from './task-file.ts'
import { TaskLedger } from './task-ledger.ts'
import { layoutOf } from './known-pieces.ts'
import type { TaskServices } from './task-services.ts'
import type { TaskState } from './task-state.ts'

/** With so many tasks at most the start waits until files and tasks were compared; with more that is done while the store is in use. */
const FEW_TASKS = 1000

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

interface OpenedStore {
  readonly index: StoreIndex
  readonly run: Run
  readonly table: TaskTable
  readonly snapshots: TableSnapshots
  readonly reserve: DiskReserve
}

/** The local store between start and stop. */
export class RunningStore {
  readonly #tasksDirectory: string
  readonly #services: TaskServices
  readonly #table: TaskTable
  readonly #snapshots: TableSnapshots
  readonly #reserve: DiskReserve
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
    const reserve = new DiskReserve(join(init.directory, 'reserve'))
    const index = new StoreIndex(indexDirectory, reserve, init.logger)
    try {
      // Opening the index takes the lock of the whole directory.
      const run = await index.open()
      const file = join(init.directory, 'tasks.table')
      const table = await loadTable({ index, file, run, logger: init.logger })
      const snapshots = new TableSnapshots({ table, index, file, run, logger: init.logger })
      const store = new RunningStore(init, { index, run, table, snapshots, reserve })
      await store.#begin()
      return store
    } catch (error) {
      await index.close(false)
      throw diskError(error, `start the store in ${init.directory}`)
    }
  }

  private constructor(init: LocalPieceStoreInit, { index, run, table, snapshots, reserve }: OpenedStore) {
    const { clock, logger, writesInThread = false, keepsSidecars = false } = init
    this.#tasksDirectory = join(init.directory, 'tasks')
    this.#table = table
    this.#snapshots = snapshots
    this.#reserve = reserve
    this.#pace = new DiskPace(clock)
    this.#files = new FileHandles(this.#pace, logger)
    this.#services = {
      index,
      run,
      sidecars: keepsSidecars ? new Sidecars(this.#pace, clock, logger) : undefined,
      clock,
      logger,
      ledger: new TaskLedger(table, clock, () => void this.#inFlight.run(() => this.#flush())),
      writing: writesInThread ? writingInThread() : writingHere(),
      checker: new PieceChecker(this.#ending.signal),
    }
  }

  get usedBytes(): number {
    return this.#services.ledger.usedBytes
  }

  get count(): number {
    return this.#services.ledger.count
  }

  list(): readonly TaskSummary[] {
    return this.#services.ledger.summaries()
  }

  first(selection: TaskSelection): readonly TaskSummary[] {
    return this.#services.ledger.first(selection)
  }

  summary(taskId: TaskId): TaskSummary | undefined {
    return this.#services.ledger.summary(taskId)
  }

  async record(taskId: TaskId): Promise<TaskRecord | undefined> {
    return (await this.records([taskId]))[0]
  }

  async records(taskIds: readonly TaskId[]): Promise<readonly (TaskRecord | undefined)[]> {
    const { index, ledger } = this.#services
    const unknown = taskIds.filter((taskId) => this.#loaded.get(taskId) === undefined && ledger.has(taskId))
    const found = unknown.length === 0 ? undefined : await this.#inFlight.run(() => index.records(unknown))
    return taskIds.map((taskId) => {
      const record = this.#loaded.get(taskId)?.record ?? found?.get(taskId)
      return record === undefined || !ledger.has(taskId) ? undefined : ledger.current(record)
    })
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

  async #begin(): Promise<void> {
    if (this.#services.run.mayLackTasks) await this.#restoreLost()
    const isSmall = this.#table.count <= FEW_TASKS
    const swept = this.#sweep()
    if (isSmall) await swept
    else void this.#inFlight.run(() => swept.catch((error: unknown) => this.#warn(error, 'files and tasks could not be compared')))
    void this.#inFlight.run(() => this.#snapshots.keepYoung())
  }

  /** Files without a task go, and tasks without a file. */
  #sweep(): Promise<void> {
    return sweep({
      tasksDirectory: this.#tasksDirectory,
      table: this.#table,
      removeStray: (path, taskId) => this.#removeStray(path, taskId),
      dropIfGone: (taskId) => this.#unlessOpen(taskId, () => this.#dropIfGone(taskId)),
      signal: this.#ending.signal,
    })
  }

  async #removeStray(path: string, taskId: TaskId | undefined): Promise<void> {
    const remove = async (): Promise<void> => {
      try {
        await rm(path, { force: true })
      } catch (error) {
        // A directory is not ours.
        if (systemCode(error) !== 'ERR_FS_EISDIR') throw error
      }
    }
    if (taskId === undefined) return await remove()
    await this.#unlessOpen(taskId, async () => {
      const isWanted = this.#table.has(taskId) && (path === this.#fileOf(taskId).path || taskOfSidecar(basename(path)) !== undefined)
      if (!isWanted) await remove()
    })
  }

  /** @returns whether there is such a task, and its file */
  async #dropIfGone(taskId: TaskId): Promise<boolean> {
    const { index, ledger, logger } = this.#services
    if (!ledger.has(taskId)) return false
    if (await this.#fileOf(taskId).exists()) return true
    logger.warn({ taskId }, 'dropped a task whose file is gone')
    await index.remove(taskId)
    ledger.remove(taskId)
    return false
  }

  /** While nobody can open it. */
  async #unlessOpen(taskId: TaskId, work: () => Promise<unknown>): Promise<void> {
    if (this.#ending.signal.aborted) return
    await this.#lock.run(taskId, async () => {
      if (this.#loaded.get(taskId) === undefined) await work()
    })
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
    if (loaded !== undefined || !(await this.#dropIfGone(taskId))) return loaded
    const { index, ledger } = this.#services
    const found = await index.task(taskId)
    if (found === undefined) {
      await this.#remove(taskId)
      return undefined
    }
    const task = this.#taskOf(ledger.current(found.record), { isNew: false })
    await task.load()
    this.#loaded.add(taskId, task)
    return task
  }

  async #create(record: TaskRecord): Promise<LocalStoredTask> {
    const { taskId, lastUsedAt, contentLength, pinned } = record
    const { ledger, run } = this.#services
    const file = this.#fileOf(taskId)
    await file.create(layoutOf(record)?.contentLength ?? 0)
    const state: TaskState = { verifiedBytes: 0, lastUsedAt, trustedSince: run.number, stamp: undefined }
    // First here, so that a table that is being written has it, or the index its mark.
    ledger.add({ taskId, record, state })
    const task = this.#taskOf(record, { isNew: true })
    try {
      // No piece will come of what is empty, and a pin is to last.
      if (contentLength === 0 || pinned) await task.keep()
    } catch (error) {
      ledger.remove(taskId)
      // Where it cannot be removed either it is a stray, which the next start looks for.
      await file.remove().catch((failure: unknown) => this.#warn(failure, 'the file of a content that was not begun stays'))
      throw error
    }
    this.#loaded.add(taskId, task)
    return task
  }

  async #delete(task: LocalStoredTask): Promise<void> {
    const { taskId } = task.record
    // Whoever was given it just now may say first that it is in use.
    await nextTurn()
    if (task.isBusy) throw new DamselflyError('TASK_BUSY', `task ${taskId} is in use`)
    await task.close(new DamselflyError('TASK_NOT_FOUND', `task ${taskId} was deleted`))
    this.#loaded.delete(taskId)
    await this.#remove(taskId)
  }

  /**
   * The index goes first: a file without a record is removed at the next start. On a disk so full that the index cannot even
   * forget, the file has to make the room for that; a record without a file is dropped where it is met.
   */
  async #remove(taskId: TaskId): Promise<void> {
    const { index, ledger } = this.#services
    const pieceCount = pieceCountIfWhole(ledger.summary(taskId))
    try {
      await index.remove(taskId, pieceCount)
    } catch (error) {
      if (!isDamselflyError(error, 'DISK_FULL')) throw error
      await this.#removeFiles(taskId)
      await index.remove(taskId, pieceCount)
    }
    ledger.remove(taskId)
    await this.#removeFiles(taskId)
  }

  async #removeFiles(taskId: TaskId): Promise<void> {
    const file = this.#fileOf(taskId)
    await Promise.all([file.remove(), this.#services.sidecars?.remove(file.path)])
  }

  async #stop(): Promise<void> {
    const reason = new DamselflyError('CANCELLED', 'the piece store stops')
    this.#ending.abort(reason)
    await this.#inFlight.settled()
    await Promise.all(this.#loaded.all().map((task) => task.close(reason)))
    await this.#services.sidecars?.settle()
    const isClean = await this.#settle()
    await this.#files.closeAll()
    await this.#services.writing.stop()
    await this.#services.index.close(isClean)
  }

  /** @returns whether the index has everything. */
  async #settle(): Promise<boolean> {
    try {
      await Promise.all(this.#loaded.all().map((task) => task.keep()))
      await this.#stampWritten()
      await this.#services.index.write(this.#services.ledger.takeUnsaved())
      await this.#snapshots.keepYoung()
      return true
    } catch (error) {
      this.#warn(error, 'the stop is not clean: pieces are checked at the next start')
      return false
    }
  }

  /** Remembers how the unfinished files look that were written in this run. */
  async #stampWritten(): Promise<void> {
    const { ledger, run } = this.#services
    for (const taskId of this.#table.unstamped(run.number)) {
      ledger.touch(taskId, { stamp: await this.#fileOf(taskId).stamp() })
    }
  }

  async #flush(): Promise<void> {
    const { index, ledger } = this.#services
    try {
      await index.write(ledger.takeUnsaved())
    } catch (error) {
      this.#warn(error, 'writing when tasks were last used failed')
    }
    await this.#snapshots.keepYoung()
    await this.#reserve.setAside()
  }

  #warn(error: unknown, what: string): void {
    this.#services.logger.warn({ reason: messageOf(error) }, what)
  }

  async #exclusively<T>(taskId: TaskId, work: () => Promise<T>): Promise<T> {
    this.#ending.signal.throwIfAborted()
    return await this.#inFlight.run(() => this.#lock.run(taskId, work))
  }

  #taskOf(record: TaskRecord, { isNew }: Pick<LocalStoredTaskInit, 'isNew'>): LocalStoredTask {
    const { taskId } = record
    const setHeld = (isHeld: boolean): void => (isHeld ? this.#loaded.pin(taskId, task) : this.#loaded.unpin(taskId))
    const task: LocalStoredTask = new LocalStoredTask({ record, isNew, file: this.#fileOf(taskId), services: this.#services, setHeld })
    return task
  }

  #fileOf(taskId: TaskId): TaskFile {
    return new TaskFile(taskPath(this.#tasksDirectory, taskId), this.#files, this.#pace)
  }
}

function pieceCountIfWhole(task: TaskSummary | undefined): number | undefined {
  if (task?.contentLength === undefined || task.contentLength !== task.verifiedBytes) return undefined
  return Math.ceil(task.contentLength / task.pieceSize)
}
