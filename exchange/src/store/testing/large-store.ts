import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sha256, taskIdFromBytes, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { DiskReserve } from '../disk-reserve.ts'
import { putPiece, putRecord, putState, StoreIndex, type IndexedTask } from '../store-index.ts'
import { TableSnapshots } from '../table/table-snapshots.ts'
import { TaskTable } from '../table/task-table.ts'
import { taskPath } from '../task-file.ts'
import { taskRecord } from './task-fixtures.ts'

/** Tasks whose index entries are written together. */
const BATCH = 5000

/** Of the content of each; bytes. */
export const LARGE_STORE_TASK_LENGTH: number = 1024 * 1024

/** Writes what a local store of so many whole tasks of one piece has on the disk after a clean stop, with empty files. */
export async function writeLargeStore(directory: string, tasks: number): Promise<void> {
  mkdirSync(join(directory, 'index'), { recursive: true })
  const logger = silentLogger()
  const index = new StoreIndex(join(directory, 'index'), new DiskReserve(join(directory, 'reserve')), logger)
  const run = await index.open()
  const table = new TaskTable()
  for (let first = 0; first < tasks; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, tasks - first) }, (_, i) => taskNumber(first + i, run.number))
    await index.write(batch.flatMap(entriesOf))
    for (const { taskId, record, state } of batch) {
      table.put(record, state)
      touch(taskPath(join(directory, 'tasks'), taskId))
    }
  }
  await new TableSnapshots({ table, index, file: join(directory, 'tasks.table'), run, logger }).keepYoung()
  await index.close(true)
}

/** The id of one of them. */
export function largeStoreTask(number: number): TaskId {
  return taskIdFromBytes(sha256(Buffer.from(String(number))))
}

/** Used one after the other; one of sixteen has been counted. */
function taskNumber(number: number, trustedSince: number): IndexedTask {
  const taskId = largeStoreTask(number)
  const url = `https://origin.example/releases/2026/package-${number}.tar.gz`
  const record = taskRecord({ taskId, url, contentLength: LARGE_STORE_TASK_LENGTH, pieceSize: LARGE_STORE_TASK_LENGTH, etag: `"${number}"` })
  const uses = number % 16 === 0 ? { hits: number % 100, servedBytes: number, originBytes: 0 } : undefined
  const stamp = { mtimeMs: 1000, size: LARGE_STORE_TASK_LENGTH }
  return { taskId, record, state: { verifiedBytes: LARGE_STORE_TASK_LENGTH, lastUsedAt: 1000 + number, trustedSince, stamp, uses } }
}

function entriesOf({ taskId, record, state }: IndexedTask): Parameters<StoreIndex['write']>[0] {
  return [putRecord(record), putState(taskId, state), putPiece(taskId, 0, sha256(Buffer.from(taskId)))]
}

function touch(path: string): void {
  try {
    closeSync(openSync(path, 'w', 0o600))
  } catch {
    mkdirSync(dirname(path), { recursive: true })
    closeSync(openSync(path, 'w', 0o600))
  }
}
