import { DamselflyError, isDamselflyError, messageOf, type Clock, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { PieceStore, TaskSummary } from '../piece-store.ts'
import { candidatesIn } from './candidates.ts'
import { CollectionCount, type Collection, type Outcome } from './collection.ts'
import { KnownSpace } from './known-space.ts'
import { shortageOf, type Shortage, type Space, type SpaceLimits } from './space.ts'

/** How often the disk is looked at; milliseconds. */
const INTERVAL = 10_000

/** How long nothing is tried by itself after it was not enough; milliseconds. */
const REST = 60_000

/** Tasks that are deleted at the same time: those of a turn go from the index in one step. */
const AT_ONCE = 64

/** What only the owner of a store knows of its tasks. */
export interface TaskUses {
  /** Whether somebody still counts on it, although nobody reads or writes it right now. */
  isWanted(taskId: TaskId): boolean
  /** When somebody last asked for it; milliseconds since 1970, undefined: as the store says. */
  lastUsedAt(taskId: TaskId): number | undefined
  /** What is to go before all else, in this order. @default nothing */
  first?(): Promise<readonly TaskId[]>
  /** Deletes it and tells whom it concerns. @throws DamselflyError TASK_BUSY */
  evict(taskId: TaskId): Promise<void>
}

export interface CollectorInit {
  readonly store: PieceStore
  readonly uses: TaskUses
  readonly limits: SpaceLimits
  /** Of the disk; bytes. */
  readonly disk: () => Promise<Omit<Space, 'used'>>
  readonly clock: Clock
  readonly logger: Logger
}

export interface CollectorStatus {
  readonly limits: SpaceLimits
  readonly space: Space
  /** The one that runs. */
  readonly running: Collection | undefined
  /** The last one that evicted or could not. */
  readonly last: Collection | undefined
  readonly totals: { readonly collections: number; readonly evictedTasks: number; readonly evictedBytes: number }
}

/** Makes room in a store: when a limit is passed, and before a large content comes. */
export class Collector {
  readonly space: KnownSpace
  readonly #init: CollectorInit
  #last: Collection | undefined
  #totals = { collections: 0, evictedTasks: 0, evictedBytes: 0 }
  /** Collections take turns. */
  #turn: Promise<unknown> = Promise.resolve()
  #cancelNext: (() => void) | undefined
  #running: CollectionCount | undefined
  #isStopping = false
  #restsUntil = Number.NEGATIVE_INFINITY
  /** Contents that are being written, with their lengths; bytes. */
  readonly #begun = new Map<TaskId, number>()

  constructor(init: CollectorInit) {
    const { store, disk, clock } = init
    this.#init = init
    this.space = new KnownSpace({ disk, used: () => store.usedBytes, clock })
  }

  /** Looks at the disk from now on. */
  start(): void {
    this.#isStopping = false
    this.#cancelNext = this.#init.clock.after(INTERVAL, () => {
      void this.makeRoom(0).finally(() => {
        if (this.#cancelNext !== undefined) this.start()
      })
    })
  }

  /** Resolves when no collection runs; one that does ends early. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#cancelNext?.()
    this.#cancelNext = undefined
    await this.#turn
  }

  async status(): Promise<CollectorStatus> {
    const space = await this.space.look()
    return { limits: this.#init.limits, space, running: this.#running?.collection, last: this.#last, totals: this.#totals }
  }

  /** What was done so far. */
  get totals(): CollectorStatus['totals'] {
    return this.#totals
  }

  /** Evicts what must go so that `wanted` bytes can be written. Never throws: whoever writes learns what the disk says. */
  async makeRoom(wanted: number): Promise<void> {
    const { clock } = this.#init
    if (clock.now() < this.#restsUntil || this.#hasRoom(wanted)) return
    try {
      if (await this.#isMadeMeanwhile(wanted)) return
      const { isEnough, evictedTasks } = await this.collect({ wanted, isDryRun: false })
      if (!isEnough && evictedTasks === 0) this.#restsUntil = clock.now() + REST
    } catch (error) {
      this.#init.logger.warn({ reason: messageOf(error) }, 'making room on the disk failed')
    }
  }

  /** Makes room for a content that is going to be written, beside what others that are being written will still take. Never throws. */
  async makeRoomFor(taskId: TaskId, contentLength: number): Promise<void> {
    await this.makeRoom(this.#promise(taskId, contentLength))
  }

  /**
   * As `makeRoomFor`.
   *
   * @throws DamselflyError DISK_FULL when the disk cannot hold it: then it is better not begun
   */
  async requireRoom(taskId: TaskId, contentLength: number): Promise<void> {
    const { store } = this.#init
    try {
      const wanted = this.#promise(taskId, contentLength)
      await this.makeRoom(wanted)
      if ((this.space.recall()?.free ?? 0) >= wanted) return
      const { free } = await this.space.look()
      if (free >= wanted) return
      const own = contentLength - store.verifiedBytes(taskId)
      throw new DamselflyError('DISK_FULL', `there is room for ${free} bytes, and ${own} are to come, beside ${wanted - own} of others`)
    } catch (error) {
      this.#begun.delete(taskId)
      throw error
    }
  }

  /** @returns what all contents that were begun and that somebody waits for still will take; bytes. @param latest nobody may be known to wait for it so far */
  #promise(latest: TaskId, length: number): number {
    const { store, uses } = this.#init
    this.#begun.set(latest, length)
    let bytes = 0
    for (const [taskId, contentLength] of this.#begun) {
      const left = contentLength - store.verifiedBytes(taskId)
      if (left > 0 && (taskId === latest || uses.isWanted(taskId))) bytes += left
      else this.#begun.delete(taskId)
    }
    return bytes
  }

  /** Whether there was plenty of it a moment ago. */
  #hasRoom(wanted: number): boolean {
    const known = this.space.recall()
    return known !== undefined && suffices(known, this.#init.limits, wanted)
  }

  /** Whether a long collection, while it goes on, has made so much room. */
  async #isMadeMeanwhile(wanted: number): Promise<boolean> {
    for (let running = this.#running; running !== undefined; running = this.#running) {
      const step = running.nextStep
      if (suffices(await this.space.look(), this.#init.limits, wanted)) return true
      if (this.#running === running) await step
    }
    return false
  }

  /**
   * Collects, and comes back early if that takes long.
   *
   * @param patienceMs milliseconds
   * @returns how it went; how far it is, if it is still running or waits for its turn
   * @throws DamselflyError DISK_FAILED, DISK_DENIED
   */
  async collectWithin(patienceMs: number, asked: { readonly wanted: number; readonly isDryRun: boolean }): Promise<Collection> {
    const { clock, logger } = this.#init
    const late = Promise.withResolvers<undefined>()
    const cancel = clock.after(patienceMs, () => late.resolve(undefined))
    const collecting = this.collect(asked)
    try {
      const collection = await Promise.race([collecting, late.promise])
      if (collection !== undefined) return collection
      collecting.catch((error: unknown) => logger.warn({ reason: messageOf(error) }, 'making room on the disk failed'))
      return this.#running?.collection ?? (await collecting)
    } finally {
      cancel()
    }
  }

  /**
   * @param wanted bytes that are about to be written
   * @returns what was evicted, or would be by a dry run
   * @throws DamselflyError DISK_FAILED, DISK_DENIED
   */
  collect({ wanted, isDryRun }: { readonly wanted: number; readonly isDryRun: boolean }): Promise<Collection> {
    const collection = this.#turn.then(async () => this.#collect(wanted, isDryRun))
    this.#turn = collection.catch(() => undefined)
    return collection
  }

  async #collect(wanted: number, isDryRun: boolean): Promise<Collection> {
    const { limits, clock } = this.#init
    const shortage = shortageOf(await this.space.look(), limits, wanted)
    const { store } = this.#init
    const isNeeded = shortage.ofQuota > 0 || shortage.ofDisk > 0
    const pinned = isNeeded ? store.first({ ranks: [], limit: Number.POSITIVE_INFINITY, matches: (task) => task.pinned }).length : 0
    const count = new CollectionCount({ at: clock.wallTime(), isDryRun, shortage, pinned })
    this.#running = count
    try {
      await this.#evict(count, isDryRun)
    } finally {
      this.#running = undefined
      count.end()
      if (!isDryRun) this.#note(count.collection)
    }
    return count.collection
  }

  async #evict(count: CollectionCount, isDryRun: boolean): Promise<void> {
    const { store, uses, clock } = this.#init
    const first = count.isEnough ? [] : unpinnedOf(store, (await uses.first?.()) ?? [])
    const candidates = inTurn(first, candidatesIn(store, (taskId) => uses.lastUsedAt(taskId), clock.wallTime()))
    while (!this.#isStopping) {
      const group = groupOf(candidates, count.left)
      if (group.length === 0) return
      const left = { ...count.left }
      count.add(await Promise.all(group.map(async (candidate) => this.#consider(candidate, left, isDryRun))))
    }
  }

  async #consider({ taskId, verifiedBytes: bytes, lastUsedAt }: TaskSummary, left: Shortage, isDryRun: boolean): Promise<Outcome> {
    const { store, uses } = this.#init
    if (uses.isWanted(taskId)) return { type: 'kept', why: 'wanted' }
    const given = left.ofDisk > 0 ? await store.diskBytes(taskId) : 0
    if (left.ofQuota <= 0 && given === 0) return { type: 'kept', why: undefined }
    // Somebody may have asked for it meanwhile.
    if (uses.isWanted(taskId)) return { type: 'kept', why: 'wanted' }
    if (!isDryRun && !(await this.#tryEvict(taskId))) return { type: 'kept', why: 'busy' }
    return { type: 'evicted', evicted: { taskId, bytes, lastUsedAt }, given }
  }

  /** @returns false when it is in use after all */
  async #tryEvict(taskId: TaskId): Promise<boolean> {
    try {
      await this.#init.uses.evict(taskId)
      return true
    } catch (error) {
      if (isDamselflyError(error, 'TASK_BUSY')) return false
      // Somebody else was faster.
      if (isDamselflyError(error, 'TASK_NOT_FOUND')) return true
      throw error
    }
  }

  #note(collection: Collection): void {
    const { shortage, evictedTasks: evicted, freed, kept, isEnough } = collection
    if (shortage.ofQuota === 0 && shortage.ofDisk === 0) return
    const { collections, evictedTasks, evictedBytes } = this.#totals
    this.#totals = { collections: collections + 1, evictedTasks: evictedTasks + evicted, evictedBytes: evictedBytes + freed }
    const said = { ...shortage, evicted, freed, kept }
    if (isEnough) this.#init.logger.info(said, 'made room on the disk')
    // Said once until it changes, not with every look.
    else if (this.#last?.isEnough !== false || evicted > 0) {
      this.#init.logger.warn(said, 'there is less room on the disk than configured, and nothing more that may go')
    }
    this.#last = collection
  }
}

function suffices(space: Space, limits: SpaceLimits, wanted: number): boolean {
  const { ofQuota, ofDisk } = shortageOf(space, limits, wanted)
  return ofQuota === 0 && ofDisk === 0
}

function unpinnedOf(store: Pick<PieceStore, 'summary'>, taskIds: readonly TaskId[]): readonly TaskSummary[] {
  return taskIds.flatMap((taskId) => {
    const task = store.summary(taskId)
    return task === undefined || task.pinned ? [] : [task]
  })
}

function* inTurn(first: readonly TaskSummary[], others: Iterable<TaskSummary>): Generator<TaskSummary> {
  yield* first
  const met = new Set(first.map(({ taskId }) => taskId))
  for (const task of others) if (!met.has(task.taskId)) yield task
}

/** The next ones that may all go: no more than are needed by what is known of them, and as many as the disk deletes at once. */
function groupOf(candidates: Iterator<TaskSummary>, { ofQuota, ofDisk }: Shortage): readonly TaskSummary[] {
  const group: TaskSummary[] = []
  for (let bytes = 0; group.length < AT_ONCE && bytes < Math.max(ofQuota, ofDisk); ) {
    const next = candidates.next()
    if (next.done === true) break
    group.push(next.value)
    bytes += next.value.verifiedBytes
  }
  return group
}
