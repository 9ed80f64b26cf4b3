import { setImmediate as nextTurn } from 'node:timers/promises'
import { messageOf, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { DiskPace } from './disk-pace.ts'
import { removeSidecar, writeSidecar, writeSidecarNow, type SidecarTask } from './sidecar.ts'

/** How long a change waits for the next of the same task, so that one file has both; milliseconds. */
const DELAY_MS = 100

/** What a task is when its turn comes; undefined: it is not whole any more. */
type Describe = () => SidecarTask | undefined

/** Writes beside the files of whole tasks what the index has of them: a moment later, since nobody waits for that. */
export class Sidecars {
  readonly #pace: DiskPace
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #due = new Map<string, Describe>()
  #cancel: (() => void) | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(pace: DiskPace, clock: Clock, logger: Logger) {
    this.#pace = pace
    this.#clock = clock
    this.#logger = logger
  }

  /** @param taskFile its path */
  changed(taskFile: string, describe: Describe): void {
    this.#due.set(taskFile, describe)
    this.#cancel ??= this.#clock.after(DELAY_MS, () => void this.settle())
  }

  /** Nothing is beside the file any more, nor will be. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  async remove(taskFile: string): Promise<void> {
    this.#due.delete(taskFile)
    await this.#writing
    await removeSidecar(taskFile)
  }

  /** Resolves when all is written that is due. Never throws. */
  settle(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    return (this.#writing = this.#writing.then(() => this.#write()))
  }

  async #write(): Promise<void> {
    for (const [taskFile, describe] of this.#due) {
      this.#due.delete(taskFile)
      const task = describe()
      if (task !== undefined) await this.#writeOne(taskFile, task)
    }
  }

  async #writeOne(taskFile: string, task: SidecarTask): Promise<void> {
    try {
      if (this.#pace.isFast) {
        this.#pace.measure(() => writeSidecarNow(taskFile, task))
        await nextTurn()
      } else await writeSidecar(taskFile, task)
    } catch (error) {
      this.#logger.warn({ taskId: task.record.taskId, reason: messageOf(error) }, 'what the index has of a task could not be written beside it')
    }
  }
}
