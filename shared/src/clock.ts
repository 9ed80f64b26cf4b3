/** Time as a parameter, so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds on a scale that never steps back; only differences mean anything. */
  now(): number
  /** Milliseconds since 1970, for what is shown or compared across machines. */
  wallTime(): number
  /** Calls `callback` once after `delayMs`; the returned function cancels it. The timer keeps no process alive. */
  after(delayMs: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms`, or at once when aborted: whoever waits looks at the signal afterwards. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
    if (signal?.aborted === true) done()
  })
}
