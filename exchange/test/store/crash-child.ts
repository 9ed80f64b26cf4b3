/**
 * Fills a task with several writers at once and prints the index of each piece once it
 * is committed, until it is killed or the task is complete.
 *
 * usage: crash-child.ts DIRECTORY
 */
import { writeSync } from 'node:fs'
import { systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
// Not the whole package, which takes long to load ten times.
import { createLocalPieceStore } from '../../src/store/local-piece-store.ts'
import { CRASH_CONTENT, CRASH_RECORD } from './crash-content.ts'

const WRITERS = 6
const CHUNK = 20_000

const store = createLocalPieceStore({ directory: process.argv[2] ?? '', clock: systemClock, logger: silentLogger() })
await store.start()
const task = await store.create(CRASH_RECORD)
const missing = [...task.have().missing()]

async function fill(): Promise<void> {
  for (let index = missing.pop(); index !== undefined; index = missing.pop()) {
    const { offset, length } = task.layout!.piece(index)
    const writer = task.claim(index, length)!
    for (let done = 0; done < length; done += CHUNK) {
      await writer.write(CRASH_CONTENT.subarray(offset + done, offset + Math.min(length, done + CHUNK)))
    }
    await writer.commit(undefined)
    // Synchronous, so that what was committed is told even if the next moment is the last one.
    writeSync(1, `${index}\n`)
  }
}

await Promise.all(Array.from({ length: WRITERS }, fill))
await store.stop()
