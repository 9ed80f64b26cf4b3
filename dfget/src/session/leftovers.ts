import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Nobody is expected to continue a download after this time; milliseconds. */
const MAX_AGE_MS = 7 * 24 * 3600 * 1000

/** A store is named after its task, a private one with a random ending. Nothing else is touched. */
const STORE_NAME = /^[0-9a-f]{64}(-[0-9a-f]{12})?$/

/** Removes stores in which nothing was written for a week. What cannot be removed stays. */
export async function removeLeftovers(dataDir: string, now: number): Promise<void> {
  const names = await readdir(dataDir).catch(() => [])
  for (const name of names.filter((candidate) => STORE_NAME.test(candidate))) {
    const directory = join(dataDir, name)
    const lastChange = await newestChange(directory).catch(() => now)
    if (now - lastChange > MAX_AGE_MS) await rm(directory, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Milliseconds since 1970. A running download changes files, not necessarily folders. */
async function newestChange(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true })
  const changes = await Promise.all([directory, ...entries.map((entry) => join(directory, entry))].map((path) => stat(path)))
  return Math.max(...changes.map(({ mtimeMs }) => mtimeMs))
}
