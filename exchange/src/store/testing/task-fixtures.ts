import { createHash } from 'node:crypto'
import { sha256, taskIdFromBytes, type Sha256, type TaskId } from '@damselfly/shared'
import type { StoredTask, TaskRecord } from '../piece-store.ts'

/** A task id that is always the same for a name. */
export function taskIdOf(name: string): TaskId {
  return taskIdFromBytes(sha256(Buffer.from(name)))
}

/** As a plain array, since deepEqual tells a Buffer from one. */
export function digestOf(bytes: Uint8Array): Sha256 {
  return new Uint8Array(sha256(bytes))
}

/** A record of an anonymous task, with what matters to the test on top. */
export function taskRecord(change: Partial<TaskRecord> = {}): TaskRecord {
  return {
    taskId: taskIdOf('a task'),
    url: 'https://origin.example/file',
    filteredQueryParams: [],
    tag: '',
    application: '',
    range: undefined,
    headers: [],
    expectedDigest: undefined,
    contentDigest: undefined,
    contentLength: 10_000,
    pieceSize: 4096,
    etag: '',
    lastModified: '',
    isPrivate: false,
    pinned: false,
    signedManifest: undefined,
    createdAt: 1000,
    lastUsedAt: 1000,
    ...change,
  }
}

/** Bytes that look random and are always the same for a seed. */
export function contentOf(length: number, seed: string): Uint8Array {
  const key = createHash('sha256').update(seed).digest()
  const content = new Uint8Array(length)
  for (let offset = 0, block = 0; offset < length; offset += key.length, block++) {
    content.set(sha256(key, Uint8Array.of(block, block >> 8, block >> 16, block >> 24)).subarray(0, length - offset), offset)
  }
  return content
}

/** The part of a content that is one piece of the task. */
export function pieceOf(task: StoredTask, content: Uint8Array, index: number): Uint8Array {
  const { pieceSize } = task.record
  return content.subarray(index * pieceSize, (index + 1) * pieceSize)
}

/** Writes one piece of a content and commits it. @returns its digest. */
export async function storePiece(task: StoredTask, content: Uint8Array, index: number): Promise<Sha256> {
  const bytes = pieceOf(task, content, index)
  const writer = task.claim(index, bytes.length)
  if (writer === undefined) throw new Error(`piece ${index} cannot be claimed`)
  await writer.write(bytes)
  return await writer.commit(sha256(bytes))
}

export async function storeAll(task: StoredTask, content: Uint8Array): Promise<void> {
  const count = task.layout?.pieceCount ?? 0
  for (let index = 0; index < count; index++) await storePiece(task, content, index)
}

/** Reads a whole piece back. */
export async function readPiece(task: StoredTask, index: number): Promise<Uint8Array> {
  const target = new Uint8Array(task.layout?.piece(index).length ?? task.record.pieceSize)
  await task.read(index, 0, target)
  return target
}
