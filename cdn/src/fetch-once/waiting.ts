import { pause, type Clock } from '@damselfly/shared'

/** The promise's outcome, unless the signal comes first. @throws the signal's reason */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** @param ms milliseconds. @throws the signal's reason */
export async function pauseOrThrow(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await pause(clock, ms, signal)
  signal.throwIfAborted()
}
