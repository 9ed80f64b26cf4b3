import { setTimeout as sleep } from 'node:timers/promises'
import { residentMemory } from '../process-memory.ts'

/** Between two looks; milliseconds. */
const LOOK_EVERY_MS = 100

/** What a process had in memory over the time of some work. */
export interface Watched<T> {
  readonly result: T
  /** Bytes, in the order of time, ten a second. */
  readonly resident: readonly number[]
}

/** Looks at the memory of `pid` until `work` has ended. */
export async function watchMemory<T>(pid: number, work: () => Promise<T>): Promise<Watched<T>> {
  const resident: number[] = []
  const over = new AbortController()
  const watching = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      const bytes = await residentMemory(pid).catch(() => undefined)
      // The process is gone, which whoever works with it notices.
      if (bytes === undefined) return
      resident.push(bytes)
      await sleep(LOOK_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined)
    }
  })()
  try {
    return { result: await work(), resident }
  } finally {
    over.abort()
    await watching
  }
}

export function inMegabytes(bytes: number): number {
  return bytes / 1e6
}
