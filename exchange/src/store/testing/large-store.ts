import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sha256, taskIdFromBytes, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { putPiece, putRecord, putState, StoreIndex } from '../store-index.ts'
import { taskPath } from '../task-file.ts'
import { taskRecord } from './task-fixtures.ts'

/** Tasks whose index entries are written together. */
const BATCH = 5000

const LENGTH = 1024 * 1024

/** Writes what a local store of so many whole tasks of one piece has on the disk, with empty files. */
export async function writeLargeStore(directory: string, tasks: number): Promise<void> {
  mkdirSync(join(directory, 'index'), { recursive: true })
  const index = new StoreIndex(join(directory, 'index'), silentLogger())
  const run = await index.open()
  for (let first = 0; first < tasks; first += BATCH) {
    const ids = Array.from({ length: Math.min(BATCH, tasks - first) }, (_, i) => largeStoreTask(first + i))
    await index.write(ids.flatMap((taskId, i) => entriesOf(taskId, first + i, run.number)))
    for (const taskId of ids) touch(taskPath(join(directory, 'tasks'), taskId))
  }
  await index.close(true)
}

/** The id of one of them. */
export function largeStoreTask(number: number): TaskId {
  return taskIdFromBytes(sha256(Buffer.from(String(number))))
}

function entriesOf(taskId: TaskId, number: number, trustedSince: number): Parameters<StoreIndex['write']>[0] {
  const url = `https://origin.example/releases/2026/package-${number}.tar.gz`
  const record = taskRecord({ taskId, url, contentLength: LENGTH, pieceSize: LENGTH, etag: `"${number}"` })
  const state = { verifiedBytes: LENGTH, lastUsedAt: 1000 + number, trustedSince, stamp: { mtimeMs: 1000, size: LENGTH } }
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
