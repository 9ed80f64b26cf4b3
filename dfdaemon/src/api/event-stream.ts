import type { Clock } from '@damselfly/shared'
import type { DownloadHandle } from './download-handles.ts'
import { errorEvent, lastEvent, progressEvent, startedEvent } from './events.ts'
import type { DownloadEvent } from './schemas.ts'

/** Progress is told at most this often; milliseconds. */
export const PROGRESS_INTERVAL_MS = 100

/**
 * What happens to a download: `started`, `progress` whenever it changed, and last `done` or `error`.
 * Ends early, without a last event, when `signal` is aborted.
 */
export async function* downloadEvents(
  handle: DownloadHandle,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<DownloadEvent> {
  yield startedEvent(handle)
  const changes = new ProgressChanges(handle)
  const pulse = new Pulse(handle, clock, signal)
  try {
    while (!signal.aborted) {
      const { outcome } = handle
      const progress = changes.next()
      if (progress !== undefined) yield progress
      if (outcome !== undefined) return yield lastEvent(outcome)
      if (handle.stopped.aborted) return yield errorEvent(handle.stopped.reason)
      if (!signal.aborted) await pulse.next()
    }
  } finally {
    pulse.stop()
  }
}

/** The same of a download that has ended; undefined of any other one. */
export function wholeStory(handle: DownloadHandle): readonly DownloadEvent[] | undefined {
  const { outcome, download } = handle
  return outcome === undefined ? undefined : [startedEvent(handle), progressEvent(download.progress()), lastEvent(outcome)]
}

class ProgressChanges {
  readonly #handle: DownloadHandle
  #last = ''

  constructor(handle: DownloadHandle) {
    this.#handle = handle
  }

  next(): DownloadEvent | undefined {
    const event = progressEvent(this.#handle.download.progress())
    const text = JSON.stringify(event)
    if (text === this.#last) return undefined
    this.#last = text
    return event
  }
}

/** Wakes one waiting reader each interval, and at once when the download or the caller ends. */
class Pulse {
  readonly #handle: DownloadHandle
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #wake: () => void = () => undefined
  readonly #wakeNow = (): void => this.#wake()

  constructor(handle: DownloadHandle, clock: Clock, signal: AbortSignal) {
    this.#handle = handle
    this.#clock = clock
    this.#signal = signal
    signal.addEventListener('abort', this.#wakeNow)
    handle.stopped.addEventListener('abort', this.#wakeNow)
    handle.download.finished.then(this.#wakeNow, this.#wakeNow)
  }

  async next(): Promise<void> {
    if (this.#signal.aborted || this.#handle.stopped.aborted || this.#handle.outcome !== undefined) return
    const woken = Promise.withResolvers<void>()
    this.#wake = woken.resolve
    const cancel = this.#clock.after(PROGRESS_INTERVAL_MS, woken.resolve)
    await woken.promise
    cancel()
  }

  stop(): void {
    this.#signal.removeEventListener('abort', this.#wakeNow)
    this.#handle.stopped.removeEventListener('abort', this.#wakeNow)
  }
}
