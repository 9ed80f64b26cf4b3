import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { isTaskId, systemCode, type TaskId } from '@damselfly/shared'
import { taskOfSidecar } from './sidecar.ts'
import type { TaskTable } from './table/task-table.ts'

const FAN_OUT = /^[0-9a-f]{2}$/

const ID_LENGTH = 64

/** They take half a millisecond, after which others have the thread for so long; milliseconds. Comparing is never urgent. */
const NAMES_IN_A_TURN = 400
const PAUSE_MS = 2

export interface SweepInit {
  readonly tasksDirectory: string
  readonly table: Pick<TaskTable, 'has' | 'countBeginningWith' | 'idsBeginningWith'>
  /** Removes a file that belongs to no task, unless one came meanwhile to which it does. */
  readonly removeStray: (path: string, taskId: TaskId | undefined) => Promise<void>
  /** Forgets a task if its file is gone indeed. */
  readonly dropIfGone: (taskId: TaskId) => Promise<void>
  readonly signal: AbortSignal
}

/**
 * Compares files and tasks, a directory after the other while the store is in use: files of tasks that the index does not know and
 * what an interrupted copy left behind go, and so do tasks whose file is gone.
 */
export async function sweep({ tasksDirectory, table, removeStray, dropIfGone, signal }: SweepInit): Promise<void> {
  await mkdir(tasksDirectory, { recursive: true, mode: 0o700 })
  const directories = new Set((await readdir(tasksDirectory)).filter((name) => FAN_OUT.test(name)))
  for (let firstByte = 0; firstByte < 256; firstByte++) {
    const directory = firstByte.toString(16).padStart(2, '0')
    const names = directories.has(directory) ? await list(join(tasksDirectory, directory)) : []
    const before = table.countBeginningWith(firstByte)
    const others = await othersOf(names, table)
    const ofTasks = names.length - others.length
    // Tasks come and go meanwhile.
    const areAllThere = ofTasks === before && ofTasks === table.countBeginningWith(firstByte)
    for (const name of others) {
      if (signal.aborted) return
      if (!isDescription(name, table)) await removeStray(join(tasksDirectory, directory, name), taskOfName(name))
    }
    await nextTurn()
    if (signal.aborted) return
    if (areAllThere) continue
    const present = new Set(names)
    for (const taskId of table.idsBeginningWith(firstByte)) if (!present.has(taskId)) await dropIfGone(taskId)
  }
}

/** Those that are no names of tasks, looked up bit by bit, so that nobody waits for a large directory. */
async function othersOf(names: readonly string[], table: SweepInit['table']): Promise<readonly string[]> {
  const others: string[] = []
  for (let start = 0; start < names.length; start += NAMES_IN_A_TURN) {
    if (start > 0) await sleep(PAUSE_MS)
    for (const name of names.slice(start, start + NAMES_IN_A_TURN)) if (!isTaskId(name) || !table.has(name)) others.push(name)
  }
  return others
}

function isDescription(name: string, table: SweepInit['table']): boolean {
  const described = taskOfSidecar(name)
  return described !== undefined && table.has(described)
}

function taskOfName(name: string): TaskId | undefined {
  const id = name.slice(0, ID_LENGTH)
  return isTaskId(id) ? id : undefined
}

async function list(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}
