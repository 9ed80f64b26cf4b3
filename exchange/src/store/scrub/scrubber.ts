import { isDamselflyError, messageOf, pause, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { PieceStore, StoredTask, TaskRecord, TaskSummary } from '../piece-store.ts'
import { loadScrubState, saveScrubState, type ScrubPass, type ScrubState } from './scrub-state.ts'

/** How often it is looked whether a pass is due; milliseconds. */
const LOOK_INTERVAL_MS = 60 * 60_000

/** How often what was done is written down; milliseconds. */
const SAVE_INTERVAL_MS = 30_000

/** Tasks that are looked up at once. */
const LOOK_AHEAD = 1000

export interface ScrubSettings {
  /** Bytes per second that are read; 0: as fast as they can be. */
  readonly rate: number
  /** From the begin of one pass to that of the next; milliseconds, 0: only when asked. */
  readonly every: number
}

export interface ScrubberInit {
  readonly store: PieceStore
  readonly settings: ScrubSettings
  /** Where it is written down how far the scrub has come. */
  readonly stateFile: string
  /** Told once of each task in which pieces were damaged, and so are forgotten. */
  readonly onDamage: (record: TaskRecord) => void
  readonly clock: Clock
  readonly logger: Logger
}

export interface ScrubStatus {
  readonly settings: ScrubSettings
  /** Undefined: none is under way. */
  readonly running: ScrubPass | undefined
  readonly last: (ScrubPass & { readonly endedAt: number }) | undefined
  /** In this run of the program. */
  readonly totals: { readonly bytes: number; readonly damaged: number }
}

/** Reads every piece of a store again, slowly, task by task in the order of their ids, and has those forgotten that are damaged. */
export class Scrubber {
  readonly #init: ScrubberInit
  readonly #ending = new AbortController()
  #state: ScrubState = {}
  #totals = { bytes: 0, damaged: 0 }
  #pass: Promise<void> | undefined
  #savedAt = Number.NEGATIVE_INFINITY
  #cancelLook: () => void = () => undefined

  constructor(init: ScrubberInit) {
    this.#init = init
  }

  /** Goes on with a pass that was under way; from now on begins one when it is due. @throws DISK_DENIED, DISK_FAILED of reading the state */
  async start(): Promise<void> {
    this.#state = await loadScrubState(this.#init.stateFile)
    this.#look()
  }

  /** Resolves when nothing is being read. What was done stays written down. */
  async stop(): Promise<void> {
    this.#cancelLook()
    this.#ending.abort()
    await this.#pass
  }

  /** Begins a pass, or goes on with the one that is under way. */
  begin(): ScrubStatus {
    if (this.#pass !== undefined) return this.status()
    const startedAt = this.#init.clock.wallTime()
    this.#state = { ...this.#state, running: this.#state.running ?? { startedAt, after: '', tasks: 0, pieces: 0, bytes: 0, damaged: 0 } }
    this.#pass = this.#run().finally(() => {
      this.#pass = undefined
    })
    return this.status()
  }

  status(): ScrubStatus {
    const { running, last } = this.#state
    return { settings: this.#init.settings, running, last, totals: this.#totals }
  }

  #look(): void {
    const { clock, settings } = this.#init
    const begun = this.#state.last?.startedAt ?? Number.NEGATIVE_INFINITY
    const isDue = settings.every > 0 && clock.wallTime() - begun >= settings.every
    if (this.#state.running !== undefined || isDue) this.begin()
    this.#cancelLook = clock.after(LOOK_INTERVAL_MS, () => this.#look())
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { store, clock, logger } = this.#init
    try {
      await this.#save()
      for (const taskId of idsAfter(store, this.#state.running?.after ?? '')) {
        await this.#checkTask(taskId)
        if (this.#ending.signal.aborted) break
        this.#count({ tasks: 1 }, taskId)
        if (clock.now() - this.#savedAt >= SAVE_INTERVAL_MS) await this.#save()
      }
      if (!this.#ending.signal.aborted) this.#end()
      await this.#save()
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'the scrub stopped; it goes on within an hour')
    }
  }

  async #checkTask(taskId: TaskId): Promise<void> {
    const task = await this.#open(taskId)
    if (task === undefined) return
    let damaged = 0
    for (const index of task.have().members()) {
      const begun = this.#init.clock.now()
      const bytes = task.layout?.piece(index).length ?? task.record.pieceSize
      const isGood = await this.#check(task, index)
      if (isGood === undefined) return
      if (!isGood) damaged++
      this.#count({ pieces: 1, bytes, damaged: isGood ? 0 : 1 })
      await this.#rest(bytes, begun)
      if (this.#ending.signal.aborted) break
    }
    if (damaged === 0) return
    this.#init.logger.warn({ taskId, damaged }, 'the scrub found damaged pieces; they are fetched again')
    this.#init.onDamage(task.record)
  }

  /** Opening a task checks it after an unclean stop. */
  async #open(taskId: TaskId): Promise<StoredTask | undefined> {
    return await this.#tolerant(() => this.#init.store.open(taskId))
  }

  /** @returns undefined when the task was deleted meanwhile */
  async #check(task: StoredTask, index: number): Promise<boolean | undefined> {
    return await this.#tolerant(() => task.check(index))
  }

  async #tolerant<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (isDamselflyError(error, 'TASK_NOT_FOUND')) return undefined
      if (isDamselflyError(error, 'CANCELLED') && this.#ending.signal.aborted) return undefined
      throw error
    }
  }

  /** So that no more than the rate is read. */
  async #rest(bytes: number, begun: number): Promise<void> {
    const { clock, settings } = this.#init
    if (settings.rate === 0) return
    const due = (bytes / settings.rate) * 1000 - (clock.now() - begun)
    if (due > 0) await pause(clock, due, this.#ending.signal)
  }

  #count(added: Partial<Omit<ScrubPass, 'startedAt'>>, after?: TaskId): void {
    const { running } = this.#state
    if (running === undefined) return
    const { tasks = 0, pieces = 0, bytes = 0, damaged = 0 } = added
    this.#totals = { bytes: this.#totals.bytes + bytes, damaged: this.#totals.damaged + damaged }
    this.#state = {
      ...this.#state,
      running: {
        startedAt: running.startedAt,
        tasks: running.tasks + tasks,
        pieces: running.pieces + pieces,
        bytes: running.bytes + bytes,
        damaged: running.damaged + damaged,
        after: after ?? running.after,
      },
    }
  }

  #end(): void {
    if (this.#state.running === undefined) return
    const { after: _, ...pass } = this.#state.running
    this.#state = { last: { ...pass, endedAt: this.#init.clock.wallTime() } }
    this.#init.logger.info({ ...pass }, 'scrubbed')
  }

  async #save(): Promise<void> {
    this.#savedAt = this.#init.clock.now()
    await saveScrubState(this.#init.stateFile, this.#state)
  }
}

/** In their order; looked up some at a time, since there may be a million. */
function* idsAfter(store: PieceStore, begin: string): Generator<TaskId> {
  for (let after: string | undefined = begin; after !== undefined; ) {
    const some: readonly TaskSummary[] = store.first({ ranks: [], limit: LOOK_AHEAD, after: { ranks: [], taskId: after } })
    for (const { taskId } of some) yield taskId
    after = some.at(-1)?.taskId
  }
}
