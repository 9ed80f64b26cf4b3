import type { TaskId } from '@damselfly/shared'
import type { TaskFile } from './task-file.ts'
import type { TaskPieces } from './task-pieces.ts'
import type { TaskServices } from './task-services.ts'
import { stampsEqual } from './task-state.ts'

/** How long the file is taken to be as it was at the last look; milliseconds. */
const LOOK_INTERVAL_MS = 1000

/**
 * Sees to it that recorded pieces are what their digests say: after an unclean stop, and
 * when somebody has changed the file from outside (an output may be a hard link to it).
 */
export class TaskTrust {
  readonly #taskId: TaskId
  readonly #file: TaskFile
  readonly #pieces: TaskPieces
  readonly #services: TaskServices
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined
  /** The file has been written to here, and not been stamped since. */
  #isWritten = false

  constructor(taskId: TaskId, file: TaskFile, pieces: TaskPieces, services: TaskServices) {
    this.#taskId = taskId
    this.#file = file
    this.#pieces = pieces
    this.#services = services
  }

  /** Forgets recorded pieces that are not right any more. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  async establish(): Promise<void> {
    const { ledger, run } = this.#services
    const { trustedSince } = ledger.state(this.#taskId)
    const isTrusted = trustedSince >= run.suspectBefore && trustedSince <= run.number
    if (!isTrusted || (await this.#isChanged())) await this.#check()
  }

  /** Undefined when the file need not be looked at now; else resolves when it has been. */
  beforeRead(): Promise<void> | undefined {
    if (this.#looking !== undefined) return this.#looking
    // While pieces are still being written a look would tell nothing; the last one counts a moment before the stamp.
    const isDue = this.#pieces.isComplete && !this.#isWritten && this.#services.clock.now() - this.#lookedAt >= LOOK_INTERVAL_MS
    return isDue ? this.look() : undefined
  }

  /** Checks the pieces if the file is not as the store left it. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Hashes one recorded piece. @returns false when it was wrong and is forgotten. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  async check(index: number): Promise<boolean> {
    const recorded = this.#pieces.recordedPiece(index)
    if (recorded === undefined) return true
    const bad = await this.#services.checker.badPieces(this.#file, [recorded])
    if (bad.length === 0) return true
    await this.#restore(bad, this.#pieces.layout?.contentLength ?? (await this.#file.stamp()).size)
    await this.stamp()
    return false
  }

  /** From here on the file changes by the store's own doing. */
  expectWrites(): void {
    this.#isWritten = true
    const { ledger } = this.#services
    if (ledger.state(this.#taskId).stamp !== undefined) ledger.touch(this.#taskId, { stamp: undefined })
  }

  /** Remembers how the file looks after the store's own last write. */
  async stamp(): Promise<void> {
    try {
      this.#services.ledger.touch(this.#taskId, { stamp: await this.#file.stamp() })
      this.#lookedAt = this.#services.clock.now()
    } finally {
      this.#isWritten = false
    }
  }

  async #look(): Promise<void> {
    this.#lookedAt = this.#services.clock.now()
    // While pieces are still being written the file changes all the time.
    if (this.#pieces.isComplete && !this.#isWritten && (await this.#isChanged())) await this.#check()
  }

  async #isChanged(): Promise<boolean> {
    const { stamp } = this.#services.ledger.state(this.#taskId)
    if (this.#pieces.count === 0) return false
    return stamp === undefined || !stampsEqual(stamp, await this.#file.stamp())
  }

  async #check(): Promise<void> {
    const { checker, ledger, run } = this.#services
    const bad = await checker.badPieces(this.#file, this.#pieces.recorded())
    const { size } = await this.#file.stamp()
    const length = this.#pieces.layout?.contentLength ?? size
    if (bad.length > 0 || size !== length) await this.#restore(bad, length)
    await this.stamp()
    ledger.touch(this.#taskId, { trustedSince: run.number })
  }

  async #restore(bad: readonly number[], length: number): Promise<void> {
    const fields = { taskId: this.#taskId, path: this.#file.path, forgotten: bad.length }
    this.#services.logger.warn(fields, 'a task file is not as it was recorded; pieces without their digest are forgotten')
    await this.#file.detach()
    await this.#file.truncate(length)
    await this.#pieces.forget(bad)
  }
}
