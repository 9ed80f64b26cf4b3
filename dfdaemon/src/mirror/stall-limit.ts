import { DamselflyError, type Clock } from '@damselfly/shared'

export interface StallLimit {
  readonly clock: Clock
  /** The longest without anything while somebody waits; milliseconds. */
  readonly stallMs: number
}

/**
 * What `read` brings, as long as it does; how long the consumer takes for it does not count.
 *
 * @param read is given a signal that ends it
 * @param progress grows as long as something comes, even if it is not handed on yet
 * @throws DamselflyError TIMEOUT when nothing came for too long; the signal's reason; what `read` throws
 */
export async function* unlessStalled<T>(
  read: (signal: AbortSignal) => AsyncIterable<T>,
  progress: () => number,
  { clock, stallMs }: StallLimit,
  signal: AbortSignal,
): AsyncGenerator<T, undefined> {
  const stalled = new AbortController()
  const watch = (seen: number): (() => void) =>
    clock.after(stallMs, () => {
      const now = progress()
      if (now !== seen) cancel = watch(now)
      else stalled.abort(new DamselflyError('TIMEOUT', `nothing came for ${stallMs / 1000} s`))
    })
  let cancel = watch(progress())
  try {
    for await (const item of read(AbortSignal.any([signal, stalled.signal]))) {
      cancel()
      yield item
      cancel = watch(progress())
    }
    return undefined
  } finally {
    cancel()
  }
}
