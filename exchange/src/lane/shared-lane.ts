import { DamselflyError, type Clock } from '@damselfly/shared'
import type { Lane } from './lane.ts'

export interface SharedLaneInit {
  readonly open: (signal: AbortSignal, onOpenChange: (open: number) => void) => Promise<Lane>
  /** How long a lane without requests is kept; milliseconds. */
  readonly idleMs: number
  readonly clock: Clock
  /** Called once when nobody can get this lane any more. */
  readonly onOver: () => void
}

/** One lane for everybody who wants it: opened once, kept while it is used, closed when idle. */
export class SharedLane {
  readonly #init: SharedLaneInit
  readonly #opening = new AbortController()
  readonly #lane: Promise<Lane>
  #opened: Lane | undefined
  #waiting = 0
  #cancelIdle = (): void => undefined

  constructor(init: SharedLaneInit) {
    this.#init = init
    this.#lane = this.#open()
    this.#lane.catch(() => this.#init.onOver())
  }

  /** @throws what `open` threw, or the signal's reason */
  async acquire(signal: AbortSignal): Promise<Lane> {
    if (this.#opened !== undefined) {
      this.#restartIdle(this.#opened.open)
      return this.#opened
    }
    this.#waiting++
    try {
      return await orAborted(this.#lane, signal)
    } finally {
      this.#waiting--
      if (this.#waiting === 0 && this.#opened === undefined) {
        this.#init.onOver()
        this.#opening.abort(signal.reason)
      }
    }
  }

  async close(): Promise<void> {
    this.#opening.abort(new DamselflyError('CHANNEL_CLOSED', 'the lanes of this peer are closed'))
    this.#end()
    await this.#opened?.close()
  }

  async #open(): Promise<Lane> {
    const lane = await this.#init.open(this.#opening.signal, (open) => this.#restartIdle(open))
    if (this.#opening.signal.aborted) {
      void lane.close()
      throw this.#opening.signal.reason
    }
    this.#opened = lane
    if (lane.closed.aborted) this.#end()
    else lane.closed.addEventListener('abort', this.#end, { once: true })
    this.#restartIdle(0)
    return lane
  }

  readonly #end = (): void => {
    this.#cancelIdle()
    this.#init.onOver()
  }

  #restartIdle(open: number): void {
    this.#cancelIdle()
    const lane = this.#opened
    if (open > 0 || lane === undefined || lane.closed.aborted) return
    this.#cancelIdle = this.#init.clock.after(this.#init.idleMs, () => {
      this.#end()
      void lane.close()
    })
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort))
}
