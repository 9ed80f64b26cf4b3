import type { Clock, PieceRange, Sha256, TaskId, TaskIdentity } from '@damselfly/shared'
import type { PieceStore, StoredTask, TaskRecord } from '../store/piece-store.ts'
import { isSameVersion, type ContentVersion } from './content-version.ts'

/** A content as the supernode or the origin describes it now. */
export interface DescribedContent extends ContentVersion {
  readonly pieceSize: number
  readonly isPrivate: boolean
}

/**
 * The stored task for exactly this content: what is here of it, or a new, empty one. Pieces of
 * another version are deleted, so that two versions never mix.
 *
 * @throws DamselflyError TASK_BUSY while another version is in use; DISK_FULL, DISK_DENIED, DISK_FAILED
 */
export async function prepareStored(
  store: PieceStore,
  taskId: TaskId,
  identity: TaskIdentity,
  content: DescribedContent,
  clock: Clock,
): Promise<StoredTask> {
  const existing = await store.open(taskId)
  if (existing !== undefined) {
    if (isSameContent(existing.record, content, identity.digest)) return existing
    await store.delete(taskId)
  }
  return store.create(newRecord(taskId, identity, content, clock.wallTime()))
}

function isSameContent(record: TaskRecord, content: DescribedContent, digest: Sha256 | undefined): boolean {
  if (record.pieceSize !== content.pieceSize) return false
  // A digest names its content for ever; the whole is checked against it at the end.
  if (digest !== undefined) return record.contentLength === content.contentLength
  return isSameVersion(record, content)
}

function newRecord(taskId: TaskId, identity: TaskIdentity, content: DescribedContent, now: number): TaskRecord {
  return {
    taskId,
    url: identity.url,
    filteredQueryParams: identity.filteredQueryParams ?? [],
    tag: identity.tag ?? '',
    application: identity.application ?? '',
    range: identity.range,
    headers: [...(identity.headers ?? [])],
    expectedDigest: identity.digest,
    contentDigest: undefined,
    contentLength: content.contentLength,
    pieceSize: content.pieceSize,
    etag: content.etag,
    lastModified: content.lastModified,
    isPrivate: content.isPrivate,
    pinned: false,
    signedManifest: undefined,
    createdAt: now,
    lastUsedAt: now,
  }
}

/**
 * Stores a piece whose bytes are all in memory.
 *
 * @returns false when it is here already or somebody else is writing it
 * @throws DamselflyError PIECE_CORRUPT, DISK_FULL, DISK_FAILED
 */
export async function storePiece(
  stored: StoredTask,
  index: number,
  bytes: Uint8Array,
  digest: Sha256 | undefined,
): Promise<boolean> {
  const writer = stored.claim(index, bytes.length)
  if (writer === undefined) return false
  try {
    await writer.write(bytes)
    await writer.commit(digest)
    return true
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/**
 * Where a piece lies. While the content length is unknown every piece counts as a full one.
 *
 * @throws RangeError when the content has no such piece
 */
export function rangeOfPiece(stored: StoredTask, index: number): PieceRange {
  return stored.layout?.piece(index) ?? fullPiece(index, stored.record.pieceSize)
}

function fullPiece(index: number, length: number): PieceRange {
  return { index, offset: index * length, length }
}

/** The first piece from `from` on that is not here; undefined when all of them are. */
export function firstMissing(stored: StoredTask, from: number): number | undefined {
  const end = stored.layout?.pieceCount ?? Number.POSITIVE_INFINITY
  let index = from
  while (index < end && stored.has(index)) index++
  return index < end ? index : undefined
}

/** What makes a stored task the task that it is. */
export function identityOf(record: TaskRecord): TaskIdentity {
  return {
    url: record.url,
    filteredQueryParams: record.filteredQueryParams,
    digest: record.expectedDigest,
    tag: record.tag,
    application: record.application,
    range: record.range,
    headers: new Map(record.headers),
  }
}
