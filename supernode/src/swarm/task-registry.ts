import type { Clock, PeerId, TaskId } from '@damselfly/shared'
import type { ContentSpec } from '@damselfly/cdn'
import type { Member } from './member.ts'
import { progressNews } from './swarm-news.ts'
import { Swarm, type SwarmPorts } from './swarm.ts'
import { TaskSource, type SourceState, type TaskSourceDeps } from './task-source.ts'
import type { Task } from './task.ts'

/** How often children that wait hear that work goes on; milliseconds. */
const HEARTBEAT_MS = 400

/** How long a child may have no usable parent before the origin is asked in its place; milliseconds. */
const STRANDED_MS = 3000

/** Tasks without peers that are remembered; beyond it the least recently used are forgotten. */
const MAX_IDLE_TASKS = 10_000

/** How many are looked at for each new one, so that many that cannot be forgotten cost nobody time. */
const FORGET_LOOKS = 32

export interface TaskRegistryDeps {
  readonly ports: SwarmPorts
  readonly source: TaskSourceDeps
  /** Whom a child may not use at the moment; looked up once and asked many times. */
  readonly blocked: () => (child: PeerId, parent: PeerId) => boolean
  /** Tasks that may be known while peers hold or want them. */
  readonly maxTasks: number
  readonly clock: Clock
}

/** Every task that the supernode knows. */
export class TaskRegistry {
  readonly #deps: TaskRegistryDeps
  readonly #tasks = new Map<TaskId, Task>()
  /** Those that somebody may wait for; of ten thousand tasks most lie idle. */
  readonly #attended = new Set<Task>()
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

  /** Whether somebody waits for it or it is being fetched. */
  isWanted(taskId: TaskId): boolean {
    const task = this.#tasks.get(taskId)
    if (task === undefined) return false
    const { swarm, waiting, source } = task
    return swarm.hasChildren || waiting.size > 0 || isBusy(source.state)
  }

  list(): Iterable<Task> {
    return this.#tasks.values()
  }

  get count(): number {
    return this.#tasks.size
  }

  /** Whether it is known, or may become so. */
  hasRoomFor(taskId: TaskId): boolean {
    return this.#tasks.size < this.#deps.maxTasks || this.#tasks.has(taskId)
  }

  /** The task, made if it is new; the caller counts as a use. */
  use(spec: ContentSpec): Task {
    const now = this.#deps.clock.wallTime()
    const known = this.#tasks.get(spec.taskId)
    if (known !== undefined) {
      known.lastUsedAt = now
      this.#attended.add(known)
      // The map's order is that of last use.
      this.#tasks.delete(spec.taskId)
      this.#tasks.set(spec.taskId, known)
      return known
    }
    const swarm = new Swarm(spec, this.#deps.ports)
    const source = new TaskSource(swarm, this.#deps.source)
    const task: Task = {
      swarm,
      source,
      waiting: new Set(),
      confirmation: undefined,
      strandedSince: undefined,
      createdAt: now,
      lastUsedAt: now,
    }
    this.#tasks.set(spec.taskId, task)
    this.#attended.add(task)
    this.#forgetIdle()
    return task
  }

  /** A member is gone: if children now wait for pieces that nobody has, the origin is asked again. */
  memberLeft(taskId: TaskId): void {
    const task = this.#tasks.get(taskId)
    if (task === undefined) return
    task.source.refresh()
    const { swarm, source } = task
    if (source.state.type === 'idle' && !swarm.isAvailable && swarm.hasChildren) this.#askOriginAgain(task)
  }

  /** For children who wait for what no peer can give them. */
  #askOriginAgain({ swarm, source }: Task): void {
    // Only its callers' credentials open a private content, and those are not kept.
    if (swarm.content.isPrivate) swarm.originFailed()
    else void source.start({ spec: swarm.spec, credentials: new Map(), by: undefined })
  }

  #heartbeat(): void {
    let blocked: ((child: PeerId, parent: PeerId) => boolean) | undefined
    for (const task of this.#attended) {
      const { swarm, source, waiting } = task
      if (!swarm.hasChildren && waiting.size === 0) {
        this.#attended.delete(task)
        continue
      }
      const children = swarm.waitingChildren()
      if (source.state.type === 'idle') this.#helpStranded(task, children, (blocked ??= this.#deps.blocked()))
      if (children.length + waiting.size === 0) continue
      if (!isBusy(source.state) && source.state.type !== 'passed-on' && !swarm.isAvailable) continue
      const news = progressNews(swarm.taskId, source.fetchedBytes)
      for (const peer of new Set([...waiting, ...children.map((child) => child.peer)])) this.#deps.ports.send(peer, news)
    }
  }

  /** Where all who hold a piece have failed a child for a while, the origin is asked. */
  #helpStranded(task: Task, children: readonly Member[], isBlocked: (child: PeerId, parent: PeerId) => boolean): void {
    const isStranded = children.some((child) => !task.swarm.canServe(child, (parent) => !isBlocked(child.peer, parent)))
    const now = this.#deps.clock.now()
    if (!isStranded) task.strandedSince = undefined
    else task.strandedSince ??= now
    if (task.strandedSince === undefined || now - task.strandedSince < STRANDED_MS) return
    task.strandedSince = undefined
    this.#askOriginAgain(task)
  }

  #forgetIdle(): void {
    let looks = 0
    for (const [taskId, task] of this.#tasks) {
      if (this.#tasks.size <= MAX_IDLE_TASKS || looks++ >= FORGET_LOOKS) return
      const { swarm, source, waiting } = task
      this.#tasks.delete(taskId)
      if (swarm.members.size > 0 || waiting.size > 0 || isBusy(source.state)) {
        // In use, so not looked at again soon.
        this.#tasks.set(taskId, task)
        continue
      }
      source.stop()
      swarm.reset(undefined)
    }
  }
}

function isBusy({ type }: SourceState): boolean {
  return type === 'starting' || type === 'fetching'
}
