import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { taskOfSidecar } from './sidecar.ts'
import { isTaskId, type TaskId } from '@damselfly/shared'

const FAN_OUT = /^[0-9a-f]{2}$/

/**
 * Removes the files of tasks that the index does not know, and what an interrupted
 * copy left behind.
 *
 * @returns the tasks that have a file.
 */
export async function removeOrphans(
  tasksDirectory: string,
  isKnown: (taskId: TaskId) => boolean,
): Promise<ReadonlySet<TaskId>> {
  await mkdir(tasksDirectory, { recursive: true, mode: 0o700 })
  const found = new Set<TaskId>()
  for (const directory of await readdir(tasksDirectory)) {
    if (!FAN_OUT.test(directory)) continue
    for (const entry of await readdir(join(tasksDirectory, directory), { withFileTypes: true })) {
      if (!entry.isFile()) continue
      const described = taskOfSidecar(entry.name)
      if (isTaskId(entry.name) && isKnown(entry.name)) found.add(entry.name)
      else if (described !== undefined && isKnown(described)) continue
      else await rm(join(tasksDirectory, directory, entry.name), { force: true })
    }
  }
  return found
}
