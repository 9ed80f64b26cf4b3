import type { Bitset, PieceLayout, Sha256, TaskId } from '@damselfly/shared'
import type { TaskColumns } from './table/task-columns.ts'

/** What is kept of a task beside its pieces; JSON-safe except for the digests, which the store encodes. */
export interface TaskRecord {
  readonly taskId: TaskId
  /** Without user info. Never shown unredacted. */
  readonly url: string
  readonly filteredQueryParams: readonly string[]
  readonly tag: string
  readonly application: string
  readonly range: { readonly start: number; readonly end?: number | undefined } | undefined
  /** Variant headers; never credentials. */
  readonly headers: readonly (readonly [string, string])[]
  /** The digest that the caller asked for. */
  readonly expectedDigest: Sha256 | undefined
  /** Verified over the whole content; undefined while nobody asked for it. */
  readonly contentDigest: Sha256 | undefined
  /** Bytes; undefined while unknown. */
  readonly contentLength: number | undefined
  readonly pieceSize: number
  readonly etag: string
  readonly lastModified: string
  readonly isPrivate: boolean
  readonly pinned: boolean
  /** An encoded SignedManifest, once there is one. */
  readonly signedManifest: Uint8Array | undefined
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly lastUsedAt: number
  /** Undefined: nobody has counted. */
  readonly uses?: UseCounts | undefined
}

/** How much a task was used since it was created. */
export interface UseCounts {
  /** Times that it was asked for while it was here or on its way. */
  readonly hits: number
  /** Bytes that others got of it. */
  readonly servedBytes: number
  /** Bytes that came from its origin. */
  readonly originBytes: number
}

/** What is known of every task at any time. */
export interface TaskSummary
  extends Pick<
    TaskRecord,
    'taskId' | 'tag' | 'application' | 'contentLength' | 'pieceSize' | 'isPrivate' | 'pinned' | 'createdAt' | 'lastUsedAt' | 'uses'
  > {
  /** Bytes of verified pieces. */
  readonly verifiedBytes: number
}

/** What tasks are sorted by: smaller numbers come first. */
export interface TaskRank {
  of(task: TaskSummary): number
  /** The same of as many tasks as there are `ranks`, which is faster; those of rows without a task do not matter. */
  fill(columns: TaskColumns, start: number, ranks: Float64Array): void
}

/** Which tasks are asked for. The functions are given each task for the time of the call only. */
export interface TaskSelection {
  /** What decides about the order, the most important first; in the end ids decide. */
  readonly ranks: readonly TaskRank[]
  readonly limit: number
  /** @default all */
  readonly matches?: ((task: TaskSummary) => boolean) | undefined
  /** Only what comes after this. */
  readonly after?: TaskPosition | undefined
  readonly except?: { has(taskId: TaskId): boolean } | undefined
}

/** A place in an order of tasks. */
export interface TaskPosition {
  readonly ranks: readonly number[]
  readonly taskId: string
}

export type TaskRecordChange = Partial<Omit<TaskRecord, 'taskId' | 'createdAt'>>

/**
 * Where pieces are kept. A driver of it runs the compliance suite `@damselfly/exchange/testing/piece-store`.
 *
 * After an unclean stop pieces that are not what was recorded are forgotten before anything of them is handed out. A driver that
 * keeps them elsewhere than on this machine's disk also throws STORAGE_DENIED, STORAGE_MISSING and STORAGE_FAILED where DISK_*
 * stands here.
 */
export interface PieceStore {
  /** @throws DamselflyError STORE_LOCKED, DISK_DENIED, DISK_FULL, DISK_FAILED */
  start(): Promise<void>
  /** Marks the stop as clean. Idempotent. */
  stop(): Promise<void>
  /** How many tasks there are. */
  readonly count: number
  /** All of them: of a million, `first` gives some at a time. */
  list(): readonly TaskSummary[]
  /** The first ones in some order; of a million in some hundredths of a second, whatever the order. */
  first(selection: TaskSelection): readonly TaskSummary[]
  summary(taskId: TaskId): TaskSummary | undefined
  /** What is known of a task, without opening it. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  record(taskId: TaskId): Promise<TaskRecord | undefined>
  /** The same of some tasks, in their order, by one look. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  records(taskIds: readonly TaskId[]): Promise<readonly (TaskRecord | undefined)[]>
  /** Bytes of verified pieces of one task, without opening it; 0 if there is no such task. */
  verifiedBytes(taskId: TaskId): number
  /**
   * Bytes that deleting a task would give back to the disk: none while its file is somebody's output too, or if there is no such task.
   *
   * @throws DamselflyError DISK_DENIED, DISK_FAILED
   */
  diskBytes(taskId: TaskId): Promise<number>
  /** The same object for everyone who has the task open; undefined if there is no such task. */
  open(taskId: TaskId): Promise<StoredTask | undefined>
  /**
   * Makes room for a task, or opens it if it exists with the same piece size and length; a length
   * that either side does not know yet counts as the same. If it exists with others, the old one is deleted first.
   *
   * @throws DamselflyError TASK_BUSY while the old one is in use, DISK_FULL, DISK_DENIED, DISK_FAILED
   * @throws RangeError when the content cannot be cut into such pieces
   */
  create(record: TaskRecord): Promise<StoredTask>
  /** Forgets the task, if there is one, and deletes its file. @throws DamselflyError TASK_BUSY while it is in use or written */
  delete(taskId: TaskId): Promise<void>
  /** Bytes of verified pieces of all tasks. */
  readonly usedBytes: number
}

/** One task's pieces. */
export interface StoredTask {
  readonly record: TaskRecord
  /** The absolute path of the file that has the whole content; undefined where there is none. */
  readonly path: string | undefined
  /** Undefined while the length is unknown. */
  readonly layout: PieceLayout | undefined
  /** Whether the piece is here and has its digest. */
  has(index: number): boolean
  /** A copy. Sized to the pieces seen so far while the length is unknown. */
  have(): Bitset
  readonly isComplete: boolean
  /** Of a piece that is here. */
  digest(index: number): Sha256 | undefined
  /** Bytes of verified pieces. */
  readonly verifiedBytes: number
  /**
   * Counts as soon as this returns; the promise is for the disk. A content length that becomes known fixes
   * the layout: pieces that do not fit it are forgotten, waits for pieces past the end fail.
   * A change of `lastUsedAt` and `uses` alone is written in time, not now.
   *
   * @throws RangeError when the length is set to two different values, or the piece size once pieces were begun
   */
  update(change: TaskRecordChange): Promise<void>
  /**
   * Claims the right to write one piece. At most one writer per piece exists, so that
   * nobody can overwrite what another has verified. Ends with `commit` or `abort`, never by itself.
   *
   * @param length bytes of the piece: as in the layout, or the piece size while the content length is unknown.
   * Whoever finds such a piece to be the last, and shorter, updates `contentLength` before the commit.
   * @returns undefined when the piece is here already or another writer holds the claim.
   * @throws RangeError when there is no such piece or it has another length
   */
  claim(index: number, length: number): PieceWriter | undefined
  /**
   * Fills `target` with bytes of a verified piece.
   *
   * @param offset bytes from the start of the piece.
   * @throws DamselflyError TASK_NOT_FOUND when the piece is not here (any more), DISK_DENIED, DISK_FAILED
   * @throws RangeError when the piece does not have so many bytes
   */
  read(index: number, offset: number, target: Uint8Array): Promise<void>
  /**
   * Fills `target` like `read`, but only if that takes no waiting.
   *
   * @returns false when `read` is to be used
   * @throws as `read`
   */
  readNow(index: number, offset: number, target: Uint8Array): boolean
  /**
   * Resolves when the piece is here.
   *
   * @throws the signal's reason; DamselflyError TASK_NOT_FOUND when the task is deleted, CANCELLED when the store stops
   * @throws RangeError when there is no such piece, also once that becomes known
   */
  whenAvailable(index: number, signal: AbortSignal): Promise<void>
  /** Named listeners on each newly verified piece. @returns the function that removes it. */
  onPiece(listener: (index: number, digest: Sha256) => void): () => void
  /**
   * Looks whether somebody changed the file from outside, and forgets the pieces that are no longer right.
   * Reading looks now and then by itself; whoever hands the whole file out looks first.
   *
   * @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED
   */
  look(): Promise<void>
  /**
   * Reads a piece from where it is kept and compares it with its digest. One that is damaged or gone is forgotten.
   *
   * @returns false when it was forgotten; true also when it was not here
   * @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED
   */
  check(index: number): Promise<boolean>
  /** Keeps the task from deletion until the returned function is called. */
  use(): () => void
}

/** Writes one piece chunk by chunk, hashing as it goes; nothing counts until `commit`. */
export interface PieceWriter {
  readonly index: number
  /**
   * Takes the bytes over: the caller may reuse their memory as soon as this returns. Undefined when more is
   * welcome at once; else the promise resolves when it is. After a failure nothing will be recorded, and the claim still is to be given back.
   *
   * @throws DamselflyError PIECE_CORRUPT when it is more than the piece has, DISK_FULL, DISK_DENIED, DISK_FAILED,
   * CANCELLED when the claim has ended
   */
  write(bytes: Uint8Array): Promise<void> | undefined
  /**
   * Ends the piece and records it.
   *
   * @param expected the digest that it must have; undefined when the bytes come from the origin itself.
   * @returns the digest.
   * @throws DamselflyError PIECE_CORRUPT (wrong digest or length; the claim is released, nothing recorded), DISK_FULL,
   * DISK_DENIED, DISK_FAILED, CANCELLED when the claim has ended. After any of them the claim is released.
   */
  commit(expected: Sha256 | undefined): Promise<Sha256>
  /** Gives the claim back once no write is under way. Idempotent; after `commit` it only waits for its end. */
  abort(): Promise<void>
}
