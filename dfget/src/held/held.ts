import type { DaemonClient } from '@damselfly/dfdaemon/client'
import { DamselflyError, isTaskId, type TaskId } from '@damselfly/shared'
import { formatBytes } from '../progress/format.ts'
import type { WriteLine } from '../progress/reporter.ts'
import type { HeldJob } from './command.ts'

type HeldTask = Awaited<ReturnType<DaemonClient['tasks']>>[number]

/** Of an id, as people see and write it: enough to tell tasks apart. */
const SHOWN_ID = 12

/** A shorter beginning may be a slip of the hand; characters. */
const SHORTEST_ID = 4

/** @throws DamselflyError TASK_NOT_FOUND, USAGE, TASK_BUSY, TASK_PINNED; what went before has been done */
export async function actOnHeld({ action, tasks, json }: HeldJob, daemon: DaemonClient, write: WriteLine): Promise<void> {
  const held = await daemon.tasks()
  const meant = tasks.map((text) => taskMeant(text, held))
  if (action === 'list') {
    const listed = meant.length === 0 ? held : meant
    for (const task of listed.toSorted((a, b) => (a.lastUsedAt < b.lastUsedAt ? 1 : -1))) write(json ? JSON.stringify(task) : lineOf(task))
    return
  }
  for (const task of meant) {
    const taskId = idOf(task)
    if (action === 'evict') await daemon.deleteTask(taskId)
    else await daemon.pinTask(taskId, action === 'pin')
    write(json ? JSON.stringify({ action, taskId: task.taskId }) : `${DONE[action]} ${task.taskId.slice(0, SHOWN_ID)} ${task.url}`)
  }
}

const DONE = { pin: 'pinned', unpin: 'unpinned', evict: 'evicted' } as const

function taskMeant(text: string, held: readonly HeldTask[]): HeldTask {
  const found = text.length < SHORTEST_ID ? [] : held.filter(({ taskId }) => taskId.startsWith(text))
  if (found.length > 1) throw new DamselflyError('USAGE', `the ids of ${found.length} tasks begin with '${text}'`)
  const [task] = found
  if (task === undefined) throw new DamselflyError('TASK_NOT_FOUND', `dfdaemon holds no task '${text}'`)
  return task
}

function idOf({ taskId }: HeldTask): TaskId {
  if (isTaskId(taskId)) return taskId
  throw new DamselflyError('PROTOCOL', 'dfdaemon told of a task without an id')
}

function lineOf({ taskId, url, state, contentLength, verifiedBytes, pinned, lastUsedAt }: HeldTask): string {
  const size = state === 'complete' ? formatBytes(verifiedBytes) : `${formatBytes(verifiedBytes)} of ${contentLength === undefined ? '?' : formatBytes(contentLength)}`
  const marks = [state, ...(pinned ? ['pinned'] : [])].join(', ')
  return `${taskId.slice(0, SHOWN_ID)}  ${size}, ${marks}, used ${lastUsedAt.slice(0, 19)}Z  ${url}`
}
