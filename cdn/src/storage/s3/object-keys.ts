import { isTaskId, type Sha256, type TaskId } from '@damselfly/shared'

/** Before the keys of all tasks' metadata. */
export const TASKS = 'tasks/'

const SUFFIX = '.json'
const PIECE = /\/([0-9a-f]{8})-([0-9a-f]{64})$/

/** Of a task's metadata. */
export function taskKey(taskId: TaskId): string {
  return `${TASKS}${taskId}${SUFFIX}`
}

/** @returns undefined when the key is not one of a task */
export function taskOfKey(key: string): TaskId | undefined {
  const id = key.endsWith(SUFFIX) ? key.slice(TASKS.length, -SUFFIX.length) : ''
  return isTaskId(id) ? id : undefined
}

/** Before the keys of all pieces of a task, or of one version of its content. */
export function piecesKey(taskId: TaskId, version?: string): string {
  return version === undefined ? `pieces/${taskId}/` : `pieces/${taskId}/${version}/`
}

/**
 * The digest is part of a piece's key: whoever writes such an object writes the same bytes, and a listing tells all that
 * has to be known of the pieces.
 */
export function pieceKey(taskId: TaskId, version: string, index: number, digest: Sha256): string {
  return `${piecesKey(taskId, version)}${index.toString(16).padStart(8, '0')}-${Buffer.from(digest).toString('hex')}`
}

/** @returns undefined when the key is not one of a piece */
export function pieceOfKey(key: string): { readonly index: number; readonly digest: Sha256 } | undefined {
  const [, index, digest] = PIECE.exec(key) ?? []
  if (index === undefined || digest === undefined) return undefined
  return { index: Number.parseInt(index, 16), digest: new Uint8Array(Buffer.from(digest, 'hex')) }
}
