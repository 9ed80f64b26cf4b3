import type { Cdn } from '@damselfly/cdn'
import type { PieceStore, TaskRecord, UseCounts } from '@damselfly/exchange'
import { DamselflyError, type HeaderMap, type TaskId } from '@damselfly/shared'
import type { TaskRegistry } from './task-registry.ts'
import type { Task } from './task.ts'
import type { UseLedger } from './use-ledger.ts'

/** A task that the supernode knows by its swarm, by the CDN's copy, or both. */
export interface KnownTask {
  readonly taskId: TaskId
  readonly live: Task | undefined
  readonly record: TaskRecord | undefined
}

export interface TaskCatalogueDeps {
  readonly tasks: TaskRegistry
  readonly store: Pick<PieceStore, 'list' | 'open' | 'verifiedBytes'>
  readonly cdn: Pick<Cdn, 'confirm'>
  readonly uses: Pick<UseLedger, 'of'>
}

/** All tasks, those that lie idle on the CDN's disk since an earlier run too. */
export class TaskCatalogue {
  readonly #deps: TaskCatalogueDeps

  constructor(deps: TaskCatalogueDeps) {
    this.#deps = deps
  }

  *list(): Generator<KnownTask> {
    const { tasks, store } = this.#deps
    const stored = new Set<TaskId>()
    for (const record of store.list()) {
      const { taskId } = record
      const live = tasks.get(taskId)
      // Of a million that are stored, few are live.
      if (live !== undefined) stored.add(taskId)
      yield { taskId, live, record }
    }
    for (const live of tasks.list()) if (!stored.has(live.swarm.taskId)) yield { taskId: live.swarm.taskId, live, record: undefined }
  }

  /** Undefined if there is no such task. */
  async find(taskId: TaskId): Promise<KnownTask | undefined> {
    const live = this.#deps.tasks.get(taskId)
    const record = (await this.#deps.store.open(taskId))?.record
    return live === undefined && record === undefined ? undefined : { taskId, live, record }
  }

  /** On the CDN's disk. */
  heldBytes(taskId: TaskId): number {
    return this.#deps.store.verifiedBytes(taskId)
  }

  usesOf({ taskId, record }: KnownTask): UseCounts {
    return this.#deps.uses.of(taskId, record)
  }

  /** Milliseconds since 1970. */
  lastUsedAt({ live, record }: KnownTask): number {
    return Math.max(live?.lastUsedAt ?? 0, record?.lastUsedAt ?? 0)
  }

  /**
   * Asks the origin now whether it still serves what the CDN holds; another version is fetched in its place.
   *
   * @param credentials for a private content; used for this question alone
   * @returns whether it is another version
   * @throws DamselflyError TASK_NOT_FOUND, TASK_BUSY; as SourceClient.probe
   */
  async refresh(taskId: TaskId, credentials: HeaderMap): Promise<boolean> {
    const { tasks, cdn } = this.#deps
    const known = await this.find(taskId)
    if (known === undefined) throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${taskId}`)
    if (await cdn.confirm(taskId, credentials)) return false
    const { live } = known
    if (live === undefined) return true
    live.source.refresh()
    if (live.source.state.type === 'idle') void live.source.start({ spec: tasks.use(live.swarm.spec).swarm.spec, credentials, by: undefined })
    return true
  }
}
