import { DamselflyError, type Clock } from '@damselfly/shared'
import type { Lane } from './lane.ts'
import type { LaneLifetime } from './lane-pool.ts'

export interface SharedLaneInit {
  readonly open: (signal: AbortSignal, onOpenChange: (open: number) => void) => Promise<Lane>
  /** How long a lane without requests is kept; milliseconds. */
  readonly idleMs: number
  readonly lifetime: LaneLifetime
  /** Whether the lane is still secure enough. */
  readonly isAllowed: (lane: Lane) => boolean
  readonly clock: Clock
  /** Called once when nobody can get this lane any more. */
  readonly onOver: () => void
}

/** Whoever got the lane just before it was replaced may still be about to ask for something; milliseconds. */
const RETIRED_MS = 1_000

/** One lane for everybody who wants it: opened once, kept while it is used, closed when idle. */
export class SharedLane {
  readonly #init: SharedLaneInit
  readonly #opening = new AbortController()
  readonly #lane: Promise<Lane>
  #opened: Lane | undefined
  #openedAt = 0
  #isRetired = false
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

  /** Whether it carries no further requests: its keys are old, or more security is demanded by now. */
  get isSpent(): boolean {
    const { lifetime, clock, isAllowed } = this.#init
    const lane = this.#opened
    if (lane === undefined) return false
    return clock.now() - this.#openedAt > lifetime.ms || lane.receivedBytes > lifetime.bytes || !isAllowed(lane)
  }

  /** Nobody gets it any more; what was asked for on it still comes, unless it is not allowed any more. */
  retire(): void {
    this.#isRetired = true
    this.#end()
    if (this.#opened === undefined) return
    if (this.#init.isAllowed(this.#opened)) this.#restartIdle(this.#opened.open)
    else void this.#opened.close()
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
    this.#openedAt = this.#init.clock.now()
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
    this.#cancelIdle = this.#init.clock.after(this.#isRetired ? RETIRED_MS : this.#init.idleMs, () => {
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
