import { isTaskId, type TaskId } from '@damselfly/shared'
import type { StoreIndex } from './store-index.ts'
import type { TaskLedger } from './task-ledger.ts'
import { layoutOf } from './known-pieces.ts'

/** Sums up the recorded pieces of each task. */
export async function recount(index: StoreIndex, ledger: TaskLedger): Promise<void> {
  const sums = new Map<TaskId, number>(ledger.records().map(({ taskId }) => [taskId, 0]))
  for await (const { taskId, index: piece } of index.recorded()) {
    if (!isTaskId(taskId) || !ledger.has(taskId)) continue
    const record = ledger.record(taskId)
    const layout = layoutOf(record)
    const length = layout === undefined ? record.pieceSize : piece < layout.pieceCount ? layout.piece(piece).length : 0
    sums.set(taskId, (sums.get(taskId) ?? 0) + length)
  }
  for (const [taskId, verifiedBytes] of sums) {
    if (ledger.state(taskId).verifiedBytes !== verifiedBytes) ledger.touch(taskId, { verifiedBytes })
  }
}
