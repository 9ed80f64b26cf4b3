import type { Bitset, PieceLayout, Sha256, TaskId } from '@damselfly/shared'

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
  /** Verified over the whole content. */
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
}

export type TaskRecordChange = Partial<Omit<TaskRecord, 'taskId' | 'createdAt'>>

/**
 * Where pieces are kept: a sparse file per task and an index in level.
 *
 * After an unclean stop a task's recorded pieces are hashed again before `open` hands
 * the task out; those that no longer have their digest are forgotten.
 */
export interface PieceStore {
  /** @throws DamselflyError STORE_LOCKED, DISK_DENIED, DISK_FULL, DISK_FAILED */
  start(): Promise<void>
  /** Marks the stop as clean. Idempotent. */
  stop(): Promise<void>
  list(): readonly TaskRecord[]
  /** The same object for everyone who has the task open; undefined if there is no such task. */
  open(taskId: TaskId): Promise<StoredTask | undefined>
  /**
   * Makes room for a task, or opens it if it exists with the same length and piece size.
   * If it exists with others, the old one is deleted first.
   */
  create(record: TaskRecord): Promise<StoredTask>
  /** Forgets the task and deletes its file. @throws DamselflyError TASK_BUSY while it is in use. */
  delete(taskId: TaskId): Promise<void>
  /** Bytes of verified pieces of all tasks. */
  readonly usedBytes: number
}

/** One task's pieces on this disk. */
export interface StoredTask {
  readonly record: TaskRecord
  /** The absolute path of the sparse file. */
  readonly path: string
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
  /** @throws RangeError when the length is set to two different values */
  update(change: TaskRecordChange): Promise<void>
  /**
   * Claims the right to write one piece. At most one writer per piece exists, so that
   * nobody can overwrite what another has verified.
   *
   * @returns undefined when the piece is here already or another writer holds the claim.
   */
  claim(index: number, length: number): PieceWriter | undefined
  /** Bytes of a verified piece. @throws DamselflyError TASK_NOT_FOUND when the piece is not here, DISK_FAILED */
  read(index: number, offset: number, target: Uint8Array): Promise<void>
  /** Resolves when the piece is here. @throws the signal's reason */
  whenAvailable(index: number, signal: AbortSignal): Promise<void>
  /** Named listeners on each newly verified piece. @returns the function that removes it. */
  onPiece(listener: (index: number, digest: Sha256) => void): () => void
  /** Keeps the task from deletion until the returned function is called. */
  use(): () => void
}

/** Writes one piece chunk by chunk, hashing as it goes; nothing counts until `commit`. */
export interface PieceWriter {
  readonly index: number
  /** Takes the bytes over by copying or writing them before it returns control of `bytes`. Resolves when more is welcome. */
  write(bytes: Uint8Array): Promise<void>
  /**
   * Ends the piece and records it.
   *
   * @param expected the digest that it must have; undefined when the bytes come from the origin itself.
   * @returns the digest.
   * @throws DamselflyError PIECE_CORRUPT (wrong digest or length; the claim is released, nothing recorded), DISK_FULL, DISK_FAILED
   */
  commit(expected: Sha256 | undefined): Promise<Sha256>
  /** Gives the claim back. Idempotent; a no-op after `commit`. */
  abort(): Promise<void>
}
