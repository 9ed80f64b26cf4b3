import type { Cdn } from '@damselfly/cdn'
import { comparePositions, inOrder, positionOf, type PieceStore, type TaskPosition, type TaskRank, type TaskRecord, type TaskSummary, type UseCounts } from '@damselfly/exchange'
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

/** What is known of it at any time, which is enough to sort and choose tasks. */
export interface ListedTask extends TaskSummary {
  readonly live: Task | undefined
}

/** Which tasks are asked for, and in which order. */
export interface TaskListing {
  /** The most important first; in the end ids decide. */
  readonly ranks: readonly TaskRank[]
  /** @default all */
  readonly matches?: ((task: TaskSummary, live: Task | undefined) => boolean) | undefined
  readonly limit: number
  readonly after?: TaskPosition | undefined
}

export interface TaskCatalogueDeps {
  readonly tasks: Pick<TaskRegistry, 'get' | 'list' | 'use'>
  readonly store: Pick<PieceStore, 'first' | 'open' | 'records' | 'summary' | 'verifiedBytes'>
  readonly cdn: Pick<Cdn, 'confirm'>
  readonly uses: Pick<UseLedger, 'of' | 'fresh'>
}

/** All tasks, those that lie idle on the CDN's disk since an earlier run too. */
export class TaskCatalogue {
  readonly #deps: TaskCatalogueDeps

  constructor(deps: TaskCatalogueDeps) {
    this.#deps = deps
  }

  /** Of a million tasks most lie idle: the store sorts those, and what is known better here is put among them. */
  first({ ranks, matches, limit, after }: TaskListing): readonly ListedTask[] {
    const busy = this.#busy()
    const idle = this.#deps.store.first({ ranks, limit, after, except: busy, matches: matches && ((task) => matches(task, undefined)) })
    const isAsked = (task: ListedTask): boolean =>
      (after === undefined || comparePositions(positionOf(task, ranks), after) > 0) && (matches === undefined || matches(task, task.live))
    const here = Array.from(busy.values()).filter(isAsked)
    return inOrder([...here, ...idle.map((task) => ({ ...task, live: undefined }))], ranks).slice(0, limit)
  }

  /** With all that is known of them; without those that are gone meanwhile. */
  async describe(listed: readonly Pick<ListedTask, 'taskId' | 'live'>[]): Promise<readonly KnownTask[]> {
    const records = await this.#deps.store.records(listed.map(({ taskId }) => taskId))
    return listed
      .map(({ taskId, live }, i) => ({ taskId, live, record: records[i] }))
      .filter(({ live, record }) => live !== undefined || record !== undefined)
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

  /** Those that have a swarm, or uses that the store does not know yet. */
  #busy(): ReadonlyMap<TaskId, ListedTask> {
    const { tasks, store, uses } = this.#deps
    const busy = new Map<TaskId, ListedTask>()
    for (const live of tasks.list()) {
      const { taskId } = live.swarm
      const held = store.summary(taskId)
      const known = { ...(held ?? nothingOf(live)), lastUsedAt: lastUsedAt(live, held) }
      busy.set(taskId, { ...known, uses: uses.of(taskId, held), live })
    }
    for (const taskId of uses.fresh()) {
      const held = busy.has(taskId) ? undefined : store.summary(taskId)
      if (held !== undefined) busy.set(taskId, { ...held, uses: uses.of(taskId, held), live: undefined })
    }
    return busy
  }
}

/** When it was last used; milliseconds since 1970. */
export function lastUsedAt(live: Task | undefined, held: Pick<TaskSummary, 'lastUsedAt'> | undefined): number {
  return Math.max(live?.lastUsedAt ?? 0, held?.lastUsedAt ?? 0)
}

/** Of a task of which the CDN holds nothing. */
function nothingOf({ swarm, createdAt }: Task): TaskSummary {
  const { taskId, spec, content } = swarm
  return {
    taskId,
    tag: spec.tag,
    application: spec.application,
    contentLength: content.layout?.contentLength,
    pieceSize: content.pieceSize ?? 0,
    isPrivate: content.isPrivate,
    pinned: false,
    createdAt,
    lastUsedAt: createdAt,
    uses: undefined,
    verifiedBytes: 0,
  }
}
