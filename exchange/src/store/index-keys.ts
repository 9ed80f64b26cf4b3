import type { TaskId } from '@damselfly/shared'

// The '!' sorts before everything in an id, '"' right after it, so that ranges need no arithmetic.
export const RUN_KEY = 'meta!run'
export const SUSPECT_KEY = 'meta!suspect'
export const CLEAN_KEY = 'meta!clean'
/** The generation of the table's file. */
export const TABLE_KEY = 'meta!table'
/** The last run that marked what it changed. */
export const MARKING_KEY = 'meta!marking'

/** All keys that start with a prefix, as level's iterator wants it. */
export interface KeyRange {
  readonly gte: string
  readonly lt: string
}

export const RECORDS: KeyRange = { gte: 'task!', lt: 'task"' }
export const STATES: KeyRange = { gte: 'state!', lt: 'state"' }
export const PIECES: KeyRange = { gte: 'piece!', lt: 'piece"' }

export const MARKS: KeyRange = { gte: 'mark!', lt: 'mark"' }

export function markKey(generation: string, taskId: string): string {
  return `mark!${generation}!${taskId}`
}

/** Marks of generations before this one. */
export function marksBefore(generation: string): KeyRange {
  return { gte: MARKS.gte, lt: `mark!${generation}` }
}

export function taskOfMark(key: string): string {
  return key.slice(key.lastIndexOf('!') + 1)
}

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

/** The task that a record, state or piece belongs to; undefined for other keys. */
export function taskOfKey(key: string): string | undefined {
  if (!key.startsWith('task!') && !key.startsWith('state!') && !key.startsWith('piece!')) return undefined
  const start = key.indexOf('!') + 1
  const end = key.indexOf('!', start)
  return end < 0 ? key.slice(start) : key.slice(start, end)
}
