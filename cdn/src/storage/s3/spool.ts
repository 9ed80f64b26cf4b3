import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DiskPace, FileHandles, TaskFile, type Writing } from '@damselfly/exchange/store-parts'
import { DamselflyError, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'

type PieceBytes = ReturnType<Writing['begin']>

/** What one piece may take at most; bytes. */
const SLOT_BYTES = 16 * 1024 * 1024

/** One piece on its way to the bucket. */
export interface SpooledPiece {
  readonly bytes: PieceBytes
  /** The first bytes of it, as many as `target` has. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  read(target: Buffer): Promise<void>
  /** To be called once, when nothing of it is being written or read any more. */
  release(): void
}

/**
 * A file for the pieces that are not in the bucket yet, so that memory stays bounded however many are being fetched. It has
 * a slot for each; those of earlier pieces are used again.
 */
export class Spool {
  readonly #file: TaskFile
  readonly #handles: FileHandles
  readonly #writing: Writing
  readonly #free: number[] = []
  #slots = 0

  constructor(path: string, writing: Writing, clock: Clock, logger: Logger) {
    this.#writing = writing
    const pace = new DiskPace(clock)
    this.#handles = new FileHandles(pace, logger)
    this.#file = new TaskFile(path, this.#handles, pace)
  }

  /** Empty, whatever was left of an earlier run. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  start(): Promise<void> {
    return this.#file.create(0)
  }

  /** @param length bytes of the piece at most. @throws RangeError when it has no room in a slot */
  begin(length: number): SpooledPiece {
    if (length > SLOT_BYTES) throw new RangeError(`a piece of ${length} bytes is too large to be kept in a bucket`)
    const slot = this.#free.pop() ?? this.#slots++
    const position = slot * SLOT_BYTES
    return {
      bytes: this.#writing.begin(this.#file, position, length),
      read: (target) => this.#read(position, target),
      release: () => void this.#free.push(slot),
    }
  }

  async stop(): Promise<void> {
    await this.#handles.closeAll()
    await this.#writing.stop()
    await rm(this.#file.path, { force: true })
  }

  async #read(position: number, target: Buffer): Promise<void> {
    if ((await this.#file.read(target, position)) === target.length) return
    throw new DamselflyError('DISK_FAILED', `cannot read ${this.#file.path} in ${dirname(this.#file.path)}: it was cut short`)
  }
}
