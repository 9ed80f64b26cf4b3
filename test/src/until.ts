import { setTimeout as wait } from 'node:timers/promises'

/** Asks again and again until it holds; the test's own time limit, or the signal, ends it. @throws the abortion */
export async function until(holds: () => Promise<boolean>, signal?: AbortSignal): Promise<void> {
  while (!(await holds())) await wait(100, undefined, { signal })
}
