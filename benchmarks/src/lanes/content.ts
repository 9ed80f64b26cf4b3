import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { PieceLayout, pieceSizeFor, type TaskId } from '@damselfly/shared'
import type { PieceStore, StoredTask, TaskRecord } from '@damselfly/exchange'
import { taskRecord } from '@damselfly/exchange/testing/piece-store'

export const TASK = createHash('sha256').update('lanes').digest('hex') as TaskId

/** The task of the benchmark's content, still without pieces. */
export function recordOf(contentLength: number): TaskRecord {
  return taskRecord({ taskId: TASK, contentLength, pieceSize: pieceSizeFor(contentLength) })
}

export function layoutOf(contentLength: number): PieceLayout {
  return new PieceLayout(contentLength, pieceSizeFor(contentLength))
}

/** Stores the bytes of a file as the task. */
export async function storeFile(store: PieceStore, path: string, contentLength: number): Promise<StoredTask> {
  const task = await store.create(recordOf(contentLength))
  const layout = layoutOf(contentLength)
  for (let index = 0; index < layout.pieceCount; index++) {
    const { offset, length } = layout.piece(index)
    const writer = task.claim(index, length)
    if (writer === undefined) continue
    for await (const part of createReadStream(path, { start: offset, end: offset + length - 1, highWaterMark: 256 * 1024 })) {
      await writer.write(part as Buffer)
    }
    await writer.commit(undefined)
  }
  return task
}
