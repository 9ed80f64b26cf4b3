import { DamselflyError, isDamselflyError } from '@damselfly/shared'
import type { StoredTask } from '../store/piece-store.ts'
import { contentInOrder, type ReadFrom } from './content-in-order.ts'

/**
 * A content in order while it arrives, each byte verified. What is yielded is good until the next is asked for.
 *
 * @param current the stored task that is being completed; another one once the download was begun anew
 * @throws DamselflyError ORIGIN_CHANGED when it is begun anew after some of it was handed out; what `current`
 * rejects with; the signal's reason
 */
export async function* followContent(
  current: () => Promise<StoredTask>,
  signal: AbortSignal,
  from: ReadFrom = {},
): AsyncGenerator<Uint8Array, undefined> {
  for (;;) {
    const stored = await orAborted(current(), signal)
    let isBegun = false
    try {
      for await (const bytes of contentInOrder(stored, signal, from)) {
        isBegun = true
        yield bytes
      }
      return undefined
    } catch (error) {
      if (!isDamselflyError(error, 'TASK_NOT_FOUND')) throw error
      const isAnew = (await orAborted(current(), signal)) !== stored
      if (!isAnew) throw error
      if (isBegun) throw new DamselflyError('ORIGIN_CHANGED', 'the content changed while it was handed out', { cause: error })
    }
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
