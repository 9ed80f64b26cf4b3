import { renameSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError, isTaskId, SHA256_BYTES, systemCode, type Sha256, type TaskId } from '@damselfly/shared'
import * as z from 'zod'
import type { TaskRecord } from './piece-store.ts'
import { removeFile } from './remove-file.ts'
import { decodeTaskRecord, encodeTaskRecord } from './task-record-codec.ts'

/** Of the name, after the task's id. */
const SUFFIX = '.task'

const sidecar = z.object({ record: z.string(), digests: z.base64() })

/** What the index had of a whole task. */
export interface SidecarTask {
  readonly record: TaskRecord
  /** Of its pieces, in their order. */
  readonly digests: readonly Sha256[]
}

/** The task whose sidecar has this name, if it is one. */
export function taskOfSidecar(name: string): TaskId | undefined {
  const id = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : ''
  return isTaskId(id) ? id : undefined
}

/**
 * Writes beside a task's file what the index has of it, so that a lost index costs no content. Nothing is synced: a file
 * that is cut short counts as none.
 *
 * @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED
 */
export async function writeSidecar(taskFile: string, task: SidecarTask): Promise<void> {
  const path = taskFile + SUFFIX
  try {
    await writeFile(`${path}.new`, encode(task), { mode: 0o600 })
    await rename(`${path}.new`, path)
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
}

/** As `writeSidecar`, at once. */
export function writeSidecarNow(taskFile: string, task: SidecarTask): void {
  const path = taskFile + SUFFIX
  try {
    writeFileSync(`${path}.new`, encode(task), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
}

/** @throws DamselflyError DISK_DENIED, DISK_FAILED */
export async function removeSidecar(taskFile: string): Promise<void> {
  try {
    await removeFile(taskFile + SUFFIX)
  } catch (error) {
    throw diskError(error, `remove ${taskFile}${SUFFIX}`)
  }
}

/** Every whole task that has a sidecar which can be read. */
export async function* readSidecars(tasksDirectory: string): AsyncGenerator<SidecarTask> {
  for (const directory of await entriesOf(tasksDirectory)) {
    for (const name of await entriesOf(join(tasksDirectory, directory))) {
      const taskId = taskOfSidecar(name)
      if (taskId === undefined) continue
      const task = decode(taskId, await readFile(join(tasksDirectory, directory, name), 'utf8'))
      if (task !== undefined) yield task
    }
  }
}

function encode({ record, digests }: SidecarTask): string {
  return JSON.stringify({ record: encodeTaskRecord(record), digests: Buffer.concat(digests).toString('base64') })
}

function decode(taskId: TaskId, text: string): SidecarTask | undefined {
  try {
    const parsed = sidecar.safeParse(JSON.parse(text))
    const record = parsed.success ? decodeTaskRecord(taskId, parsed.data.record) : undefined
    if (!parsed.success || record === undefined) return undefined
    const bytes = Buffer.from(parsed.data.digests, 'base64')
    const digests = Array.from({ length: Math.floor(bytes.length / SHA256_BYTES) }, (_, index) => {
      return new Uint8Array(bytes.subarray(index * SHA256_BYTES, (index + 1) * SHA256_BYTES))
    })
    return { record, digests }
  } catch {
    return undefined
  }
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw diskError(error, `list ${directory}`)
  }
}
