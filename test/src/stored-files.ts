import { execFile } from 'node:child_process'
import { open, readdir, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MIN_PIECE_SIZE } from '@damselfly/shared'

const run = promisify(execFile)

/** Named by the task. */
const TASK_FILE = /^[0-9a-f]{64}$/

/** The files of contents below a program's data. @param tasks only theirs, by id; undefined: all */
export async function storedFiles(dataDir: string, tasks?: ReadonlySet<string>): Promise<readonly string[]> {
  const names = await readdir(dataDir, { recursive: true, withFileTypes: true }).catch(() => [])
  return names
    .filter((entry) => entry.isFile() && TASK_FILE.test(entry.name) && (tasks === undefined || tasks.has(entry.name)))
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted()
}

/** Changes a byte in one piece of a file, as a disk does that fails. @param draw which, from 0 to below 1 */
export async function damage(path: string, draw: number): Promise<void> {
  await overwrite(path, (size) => [Math.floor(draw * size)])
}

/** Changes bytes in each piece of a file, and lets nobody see that it was touched: whoever serves it lies. */
export async function falsify(path: string): Promise<void> {
  const reference = `${path}.reference`
  await run('touch', ['-r', path, reference])
  await overwrite(path, (size) => Array.from({ length: Math.ceil(size / MIN_PIECE_SIZE) }, (_, i) => i * MIN_PIECE_SIZE))
  await run('touch', ['-r', reference, path])
  await rm(reference)
}

async function overwrite(path: string, places: (size: number) => readonly number[]): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { size } = await file.stat()
    for (const at of places(size)) await file.write(await otherByte(file, at), 0, 1, at)
  } finally {
    await file.close()
  }
}

async function otherByte(file: FileHandle, at: number): Promise<Uint8Array> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
  return Buffer.from([(buffer[0] ?? 0) ^ 0xff])
}
