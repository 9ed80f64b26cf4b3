import type { TaskRecord, TaskRecordChange } from './piece-store.ts'
import { layoutOf } from './known-pieces.ts'

/**
 * The record after a change.
 *
 * @param isStarted whether pieces were written or are being written, so that their size is fixed.
 * @throws RangeError when the length or the piece size is set to two different values, or is not possible
 */
export function changedRecord(record: TaskRecord, change: TaskRecordChange, isStarted: boolean): TaskRecord {
  const contentLength = change.contentLength ?? record.contentLength
  if (record.contentLength !== undefined && contentLength !== record.contentLength) {
    throw new RangeError(`the content length is ${record.contentLength} bytes already, not ${contentLength}`)
  }
  const changed = { ...record, ...change, contentLength }
  if (changed.pieceSize !== record.pieceSize && (isStarted || record.contentLength !== undefined)) {
    throw new RangeError(`the piece size is ${record.pieceSize} bytes already, not ${changed.pieceSize}`)
  }
  layoutOf(changed)
  return changed
}

/** Whether a change is to be written now: how a task is used may be lost. */
export function isLasting(change: TaskRecordChange): boolean {
  return Object.keys(change).some((key) => key !== 'lastUsedAt' && key !== 'uses')
}

/** Whether the two cut their content in the same way; a length that is unknown may be any. */
export function isSameLayout(a: TaskRecord, b: TaskRecord): boolean {
  const isSameLength = a.contentLength === b.contentLength || a.contentLength === undefined || b.contentLength === undefined
  return a.pieceSize === b.pieceSize && isSameLength
}
