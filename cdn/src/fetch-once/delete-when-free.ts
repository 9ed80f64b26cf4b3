import type { PieceStore } from '@damselfly/exchange'
import { isDamselflyError, type Clock, type TaskId } from '@damselfly/shared'
import { pauseOrThrow } from './waiting.ts'

/** Between looks whether the last reader is gone; milliseconds. */
const FIRST_WAIT_MS = 5
const LONGEST_WAIT_MS = 100

export interface DeletePatience {
  readonly clock: Clock
  /** Milliseconds. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/**
 * Deletes a task once those who read a piece of it have ended.
 *
 * @throws DamselflyError TASK_BUSY when somebody still reads it in the end, or the signal's reason
 */
export async function deleteWhenFree(store: PieceStore, taskId: TaskId, { clock, patienceMs, signal }: DeletePatience): Promise<void> {
  const deadline = clock.now() + patienceMs
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      return await store.delete(taskId)
    } catch (error) {
      if (!isDamselflyError(error, 'TASK_BUSY') || clock.now() + wait > deadline) throw error
    }
    await pauseOrThrow(clock, wait, signal)
  }
}
