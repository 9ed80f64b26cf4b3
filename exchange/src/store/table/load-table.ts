import { isTaskId, messageOf, type PieceLayout, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { layoutOf } from '../known-pieces.ts'
import type { IndexChange } from '../index-writer.ts'
import type { TaskRecord } from '../piece-store.ts'
import { deletePiece, type Run, type StoreIndex } from '../store-index.ts'
import { readTable, removeTable } from './table-file.ts'
import { TaskTable } from './task-table.ts'

/** Read from the index at the same time. */
const BATCH = 64

/** Removed in one step. */
const STRAYS_AT_ONCE = 1000

export interface TableSource {
  readonly index: StoreIndex
  /** Of the table. */
  readonly file: string
  readonly run: Run
  readonly logger: Logger
}

/**
 * All tasks of the index: from the file of the table, in which only what was changed since is looked up, or, where there is none
 * that can be used, by reading the whole index.
 *
 * @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED
 */
export async function loadTable(source: TableSource): Promise<TaskTable> {
  return (await fromFile(source)) ?? (await fromIndex(source))
}

async function fromFile({ index, file, run, logger }: TableSource): Promise<TaskTable | undefined> {
  const { tableGeneration: generation } = run
  if (generation === undefined) return undefined
  let table: TaskTable
  try {
    table = new TaskTable(await readTable(file, generation))
  } catch (error) {
    logger.warn({ reason: messageOf(error) }, 'the table of tasks cannot be used; it is made from the index')
    return undefined
  }
  const changed = await index.resumeMarking(generation)
  for (let first = 0; first < changed.length; first += BATCH) {
    await Promise.all(changed.slice(first, first + BATCH).map(async (taskId) => bringUpToDate(table, taskId, index)))
  }
  return table
}

async function bringUpToDate(table: TaskTable, taskId: TaskId, index: StoreIndex): Promise<void> {
  const task = await index.task(taskId)
  if (task === undefined) {
    table.remove(taskId)
    await index.remove(taskId)
    return
  }
  const { record, state } = task
  const layout = layoutOf(record)
  const strays: IndexChange[] = []
  let verifiedBytes = 0
  for (const [piece] of await index.pieces(taskId)) {
    const length = lengthOf(piece, record, layout)
    verifiedBytes += length
    if (length === 0) strays.push(deletePiece(taskId, piece))
  }
  if (strays.length > 0) await index.write(strays)
  table.put(record, { ...state, verifiedBytes })
}

async function fromIndex({ index, file, run }: TableSource): Promise<TaskTable> {
  await index.forgetTable()
  await removeTable(file)
  const table = new TaskTable()
  for await (const { record, state } of index.tasks()) table.put(record, state)
  // A clean stop has written the sums.
  if (run.suspectBefore === run.number) await recount(index, table)
  return table
}

/** Sums up the recorded pieces of each task, and removes those that belong to none: whoever begins a task relies on that. */
async function recount(index: StoreIndex, table: TaskTable): Promise<void> {
  const sums = new Map<TaskId, number>()
  const strays: IndexChange[] = []
  for await (const { taskId, index: piece } of index.recorded()) {
    const id = taskId as TaskId
    const task = isTaskId(taskId) ? table.get(taskId) : undefined
    const length = task === undefined ? 0 : lengthOf(piece, task, layoutOf(task))
    if (length > 0) sums.set(id, (sums.get(id) ?? 0) + length)
    else strays.push(deletePiece(id, piece))
    if (strays.length >= STRAYS_AT_ONCE) await index.write(strays.splice(0))
  }
  await index.write(strays)
  for (let row = 0; row < table.length; row++) {
    const task = table.at(row)
    if (task === undefined) continue
    const { taskId, verifiedBytes: counted } = task
    const verifiedBytes = sums.get(taskId) ?? 0
    if (verifiedBytes !== counted) table.setState(taskId, { ...table.state(taskId), verifiedBytes })
  }
}

/** Bytes; 0 when the content has no such piece. */
function lengthOf(piece: number, { pieceSize }: Pick<TaskRecord, 'pieceSize'>, layout: PieceLayout | undefined): number {
  if (layout === undefined) return pieceSize
  return piece < layout.pieceCount ? layout.piece(piece).length : 0
}
