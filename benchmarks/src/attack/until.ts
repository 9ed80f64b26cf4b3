import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves after a while, or when aborted. @param ms milliseconds */
export async function until(signal: AbortSignal, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
