import type { Clock, PeerId, TaskId } from '@damselfly/shared'
import type { ContentSpec } from '@damselfly/cdn'
import { progressNews } from './swarm-news.ts'
import { Swarm, type SwarmPorts } from './swarm.ts'
import { TaskSource, type TaskSourceDeps } from './task-source.ts'
import type { Task } from './task.ts'

/** How often children that wait hear that work goes on; milliseconds. */
const HEARTBEAT_MS = 400

/** Tasks without peers that are remembered; beyond it the least recently used are forgotten. */
const MAX_IDLE_TASKS = 10_000

export interface TaskRegistryDeps {
  readonly ports: SwarmPorts
  readonly source: Omit<TaskSourceDeps, 'originFailed'>
  readonly clock: Clock
}

/** Every task that the supernode knows. */
export class TaskRegistry {
  readonly #deps: TaskRegistryDeps
  readonly #tasks = new Map<TaskId, Task>()
  #cancelHeartbeat: (() => void) | undefined

  constructor(deps: TaskRegistryDeps) {
    this.#deps = deps
  }

  /** Starts to send signs of life. */
  start(): void {
    this.#cancelHeartbeat = this.#deps.clock.after(HEARTBEAT_MS, () => {
      this.#heartbeat()
      this.start()
    })
  }

  stop(): void {
    this.#cancelHeartbeat?.()
    for (const { source } of this.#tasks.values()) source.stop()
  }

  get(taskId: TaskId): Task | undefined {
    return this.#tasks.get(taskId)
  }

  list(): Iterable<Task> {
    return this.#tasks.values()
  }

  get count(): number {
    return this.#tasks.size
  }

  /** The task, made if it is new; the caller counts as a use. */
  use(spec: ContentSpec): Task {
    const now = this.#deps.clock.wallTime()
    const known = this.#tasks.get(spec.taskId)
    if (known !== undefined) {
      known.lastUsedAt = now
      // The map's order is that of last use.
      this.#tasks.delete(spec.taskId)
      this.#tasks.set(spec.taskId, known)
      return known
    }
    const swarm = new Swarm(spec, this.#deps.ports)
    const source = new TaskSource(swarm, {
      ...this.#deps.source,
      originFailed: (failed) => this.#originFailed(failed),
    })
    const task: Task = { swarm, source, waiting: new Set(), confirmation: undefined, createdAt: now, lastUsedAt: now }
    this.#tasks.set(spec.taskId, task)
    this.#forgetIdle()
    return task
  }

  /** A member is gone: if children now wait for pieces that nobody has, the origin is asked again. */
  memberLeft(taskId: TaskId): void {
    const task = this.#tasks.get(taskId)
    if (task === undefined) return
    task.source.refresh()
    const { swarm, source } = task
    const isServed = source.state.type !== 'idle' || swarm.isAvailable
    if (isServed || !swarm.hasChildren) return
    // Only its callers' credentials open a private content, and those are not kept.
    if (swarm.content.isPrivate) this.#deps.ports.schedule({ type: 'origin-failed', task: taskId })
    else void source.start({ spec: swarm.spec, credentials: new Map(), by: undefined })
  }

  #originFailed(swarm: Swarm): void {
    if (swarm.content.pieceSize !== undefined) this.#deps.ports.schedule({ type: 'origin-failed', task: swarm.taskId })
  }

  #heartbeat(): void {
    for (const task of this.#tasks.values()) {
      const isAlive = task.source.state.type === 'starting' || task.source.state.type === 'fetching' || task.swarm.isAvailable
      if (!isAlive) continue
      const listeners = new Set<PeerId>([...task.waiting, ...task.swarm.waitingChildren()])
      if (listeners.size === 0) continue
      const news = progressNews(task.swarm.taskId, task.source.fetchedBytes)
      for (const peer of listeners) this.#deps.ports.send(peer, news)
    }
  }

  #forgetIdle(): void {
    if (this.#tasks.size <= MAX_IDLE_TASKS) return
    for (const [taskId, { swarm, source, waiting }] of this.#tasks) {
      if (this.#tasks.size <= MAX_IDLE_TASKS) return
      const isBusy = source.state.type === 'starting' || source.state.type === 'fetching'
      if (swarm.members.size > 0 || waiting.size > 0 || isBusy) continue
      source.stop()
      swarm.reset(undefined)
      this.#tasks.delete(taskId)
    }
  }
}
