import type { TaskId } from '@damselfly/shared'

// The '!' sorts before everything in an id, '"' right after it, so that ranges need no arithmetic.
export const RUN_KEY = 'meta!run'
export const SUSPECT_KEY = 'meta!suspect'
export const CLEAN_KEY = 'meta!clean'

/** All keys that start with a prefix, as level's iterator wants it. */
export interface KeyRange {
  readonly gte: string
  readonly lt: string
}

export const RECORDS: KeyRange = { gte: 'task!', lt: 'task"' }
export const STATES: KeyRange = { gte: 'state!', lt: 'state"' }
export const PIECES: KeyRange = { gte: 'piece!', lt: 'piece"' }

export function recordKey(taskId: TaskId): string {
  return `task!${taskId}`
}

export function stateKey(taskId: TaskId): string {
  return `state!${taskId}`
}

export function pieceKey(taskId: TaskId, index: number): string {
  return `piece!${taskId}!${index.toString(16).padStart(8, '0')}`
}

export function piecesOf(taskId: TaskId): KeyRange {
  return { gte: `piece!${taskId}!`, lt: `piece!${taskId}"` }
}

/** The task id at the end of a record's or state's key. */
export function idOfKey(key: string): string {
  return key.slice(key.indexOf('!') + 1)
}

/** The piece index at the end of a piece's key. */
export function indexOfKey(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf('!') + 1), 16)
}

export function taskOfPieceKey(key: string): string {
  return key.slice(key.indexOf('!') + 1, key.lastIndexOf('!'))
}
