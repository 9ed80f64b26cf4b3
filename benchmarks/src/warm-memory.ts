import { execFile } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const CHUNK = Buffer.alloc(1024 * 1024, 1)

const MAX_PASSES = 4

/** A pass that takes more than this part of the one before did not find warmer memory. */
const NO_FASTER = 0.8

/**
 * Makes the machine as ready for what is timed next as it was for what came before, and belongs right before it.
 *
 * What earlier ways left in the page cache is written to the disk first, so that nobody pays for others.
 *
 * Then a scratch file of `bytes` bytes is written and deleted at once, until that gets no faster: a virtual machine gives
 * free memory back to its host, and touching such a page again costs more than copying it does, so that what comes next
 * would depend on who used how much memory a while ago. After it the next so many bytes come from pages that the machine
 * has, for a second or two.
 *
 * @param folder on the file system that is used next
 */
export async function warmMemory(folder: string, bytes: number): Promise<void> {
  // Not every system can sync one file system alone; without it figures spread more.
  await run('sync', ['-f', folder]).catch(() => undefined)
  const scratch = join(folder, 'warm-memory')
  let before = await touch(scratch, bytes)
  for (let pass = 1; pass < MAX_PASSES; pass++) {
    const now = await touch(scratch, bytes)
    if (now > before * NO_FASTER) return
    before = now
  }
}

/** @returns how long it took; milliseconds */
async function touch(scratch: string, bytes: number): Promise<number> {
  const started = performance.now()
  const file = await open(scratch, 'w')
  try {
    for (let written = 0; written < bytes; written += CHUNK.length) await file.write(CHUNK)
  } finally {
    await file.close()
    await rm(scratch)
  }
  return performance.now() - started
}
