import { Bitset, DamselflyError, PieceLayout, sha256, type Sha256, type TaskId } from '@damselfly/shared'
import type { PieceStore, StoredTask, TaskRecord } from '../../src/store/piece-store.ts'
import { taskRecord } from '../../src/store/testing/task-fixtures.ts'

/** The reading half of a piece store, over contents in memory; reads can be held back. */
export class MemoryPieceStore implements Pick<PieceStore, 'open'> {
  readonly #tasks = new Map<TaskId, MemoryTask>()

  /** @param missing pieces that it does not have. */
  add(taskId: TaskId, content: Uint8Array, pieceSize: number, missing: readonly number[] = []): MemoryTask {
    const task = new MemoryTask(taskId, content, pieceSize, missing)
    this.#tasks.set(taskId, task)
    return task
  }

  async open(taskId: TaskId): Promise<StoredTask | undefined> {
    return this.#tasks.get(taskId)
  }
}

export class MemoryTask implements StoredTask {
  readonly record: TaskRecord
  readonly path = '/dev/null'
  readonly layout: PieceLayout
  readonly isComplete = false
  readonly #content: Uint8Array
  readonly #have: Bitset
  /** Awaited by each read before it answers. */
  beforeRead: () => Promise<void> = async () => undefined
  users = 0
  reads = 0

  constructor(taskId: TaskId, content: Uint8Array, pieceSize: number, missing: readonly number[]) {
    this.layout = new PieceLayout(content.length, pieceSize)
    this.#content = content
    this.#have = Bitset.full(this.layout.pieceCount)
    for (const index of missing) this.#have.delete(index)
    this.record = taskRecord({ taskId, contentLength: content.length, pieceSize })
  }

  async look(): Promise<void> {}

  async check(): Promise<boolean> {
    return true
  }

  has(index: number): boolean {
    return this.#have.has(index)
  }

  have(): Bitset {
    return this.#have.clone()
  }

  digest(index: number): Sha256 | undefined {
    const { offset, length } = this.layout.piece(index)
    return this.has(index) ? sha256(this.#content.subarray(offset, offset + length)) : undefined
  }

  get verifiedBytes(): number {
    return [...this.#have.members()].reduce((sum, index) => sum + this.layout.piece(index).length, 0)
  }

  async read(index: number, offset: number, target: Uint8Array): Promise<void> {
    this.reads++
    await this.beforeRead()
    const start = this.layout.piece(index).offset + offset
    target.set(this.#content.subarray(start, start + target.length))
  }

  readNow(): boolean {
    return false
  }

  use(): () => void {
    this.users++
    return () => void this.users--
  }

  /** A parent notes when its task was used last. */
  async update(): Promise<void> {}

  claim(): undefined {
    return undefined
  }

  whenAvailable(): Promise<void> {
    return Promise.reject(new DamselflyError('INTERNAL', 'this store is only read'))
  }

  onPiece(): () => void {
    return () => undefined
  }
}
