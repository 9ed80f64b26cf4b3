import { shortageOf, type KnownSpace, type Space, type SpaceLimits, type TaskRecord } from '@damselfly/exchange'
import { DamselflyError, isDamselflyError, type TaskId } from '@damselfly/shared'
import type { DiskShares } from './disk-shares.ts'

export interface SharedDiskInit {
  readonly shares: DiskShares
  readonly limits: SpaceLimits
  readonly space: Pick<KnownSpace, 'look' | 'recall'>
  /** Whether there are several peers; one alone may have all. */
  readonly isShared: () => boolean
  /** Deletes the CDN's copy. @throws DamselflyError TASK_NOT_FOUND, TASK_BUSY, TASK_PINNED */
  readonly evict: (taskId: TaskId) => Promise<void>
}

/** Sees to it that what is fetched for one peer takes room from its own contents, where it has more than its share. */
export class SharedDisk {
  readonly #init: SharedDiskInit
  #refused = 0
  #evicted = 0

  constructor(init: SharedDiskInit) {
    this.#init = init
  }

  /** Contents that were not fetched, since there was no room for more of their peers' own. */
  get refused(): number {
    return this.#refused
  }

  /** Contents that went for others of the same peer. */
  get evicted(): number {
    return this.#evicted
  }

  /** Before a content comes. @throws DamselflyError SUPERNODE_OVERLOADED, before anything is written */
  async makeRoom({ taskId, contentLength = 0 }: Pick<TaskRecord, 'taskId' | 'contentLength'>): Promise<void> {
    await this.#makeOwnRoom(taskId, contentLength)
    this.#init.shares.sized(taskId, contentLength)
  }

  /** What is to go first when room is short. */
  async victims(): Promise<readonly TaskId[]> {
    const { shares, limits, space, isShared } = this.#init
    if (!isShared()) return []
    return shares.victims(capacityOf(await space.look(), limits))
  }

  async #makeOwnRoom(taskId: TaskId, bytes: number): Promise<void> {
    const { shares, limits, space, isShared } = this.#init
    if (!isShared()) return
    const known = space.recall()
    if (known !== undefined && !isShort(known, limits, bytes)) return
    const before = await space.look()
    const capacity = capacityOf(before, limits)
    if (!isShort(before, limits, bytes)) return
    for (const other of shares.othersOf(taskId)) {
      if (shares.excessWith(taskId, bytes, capacity) === 0) return
      if (!(await this.#tryEvict(other))) continue
      this.#evicted++
      if (!isShort(await space.look(), limits, bytes)) return
    }
    // Whoever has nothing else may have one content, however large.
    if (shares.excessWith(taskId, bytes, capacity) === 0 || shares.othersOf(taskId).length === 0) return
    this.#refused++
    throw new DamselflyError('SUPERNODE_OVERLOADED', `the disk is full, and a content of ${bytes} bytes would be more than its peer's share of it`)
  }

  async #tryEvict(taskId: TaskId): Promise<boolean> {
    try {
      await this.#init.evict(taskId)
      return true
    } catch (error) {
      if (isDamselflyError(error, 'TASK_NOT_FOUND')) this.#init.shares.forget(taskId)
      else if (!isDamselflyError(error, 'TASK_BUSY') && !isDamselflyError(error, 'TASK_PINNED')) throw error
      return false
    }
  }
}

/** What contents may take together; bytes. */
function capacityOf({ used, free, total }: Space, { quota, minFreePercent }: SpaceLimits): number {
  const disk = used + free - (total * minFreePercent) / 100
  return Math.max(0, quota > 0 ? Math.min(quota, disk) : disk)
}

function isShort(space: Space, limits: SpaceLimits, wanted: number): boolean {
  const { ofQuota, ofDisk } = shortageOf(space, limits, wanted)
  return ofQuota > 0 || ofDisk > 0
}
