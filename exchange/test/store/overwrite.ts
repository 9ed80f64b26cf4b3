import { execFile } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Changes bytes of a file in place, as an editor would. */
export async function overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, position)
  } finally {
    await file.close()
  }
}

/** Changes bytes of a file although its times stay as they were, as a failing disk would. */
export async function damage(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'damselfly-times-'))
  const times = join(directory, 'times')
  // Node.js sets times to the microsecond only.
  await run('touch', ['-r', path, times])
  await overwrite(path, position, bytes)
  await run('touch', ['-r', times, path])
  await rm(directory, { recursive: true })
}
