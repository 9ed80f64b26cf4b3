import { randomBytes } from 'node:crypto'
import { link, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './errors/damselfly-error.ts'

/**
 * Writes a file for its owner alone, unless there is one: written aside and linked into place, so that it is
 * never seen half written nor replaced. Of processes that start together one is first.
 *
 * @throws the system's error
 */
export async function writeFirst(path: string, contents: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    try {
      await file.writeFile(contents)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
}
