import { performance } from 'node:perf_hooks'
import { TimeShares, type Clock } from '@damselfly/shared'
import { TryAgainLater } from '../access/try-again-later.ts'

/** What one caller's requests may take of the supernode's time: a tenth, after a second at once. */
const SHARE = { share: 0.1, burstMs: 1000 } as const

/** The most that one request counts as, since one that waits for an origin is not what keeps this thread busy meanwhile; milliseconds. */
const MOST_COST_MS = 200

/** Requests of one caller that are worked on at once; some wait long for something else. */
const AT_ONCE = 4

/** Requests of one caller that may wait for their turns, and for how long; milliseconds. */
const MOST_WAITING = 64
const PATIENCE_MS = 5000

/** Who has asked for too much. */
export class TooManyRequests extends TryAgainLater {
  constructor(who: string, retryAfterMs: number) {
    super('TOO_MANY_REQUESTS', `${who} has asked for too much`, retryAfterMs)
  }
}

interface Waiting {
  readonly enter: () => void
}

interface CallerState {
  working: number
  readonly waiting: Set<Waiting>
  cancelWait: (() => void) | undefined
}

/** Lets requests of one caller wait for each other, and for those of others when they take too much time. */
export class CallerTurns {
  readonly #clock: Clock
  readonly #busyMs: () => number
  readonly #shares: TimeShares<string>
  readonly #callers = new Map<string, CallerState>()

  /** @param busyMs how long this thread has been busy since it began; milliseconds */
  constructor(clock: Clock, busyMs: () => number = () => performance.eventLoopUtilization().active) {
    this.#clock = clock
    this.#busyMs = busyMs
    this.#shares = new TimeShares({ ...SHARE, clock })
  }

  /** Callers with requests. */
  get size(): number {
    return this.#callers.size
  }

  /**
   * Resolves when a request may be worked on.
   *
   * @returns to be called once that is over, with what it costs at least; idempotent; milliseconds
   * @throws TooManyRequests
   */
  async begin(who: string): Promise<(leastMs?: number) => void> {
    const state = this.#stateOf(who)
    if (state.waiting.size > 0 || !this.#mayEnter(who, state)) await this.#wait(who, state)
    else state.working++
    const [begunAt, busyBefore] = [this.#clock.now(), this.#busyMs()]
    let isOver = false
    return (leastMs = 0) => {
      if (isOver) return
      isOver = true
      // Where it waited for something else, or others were worked on, this thread was not busy with it.
      const busyMs = (this.#busyMs() - busyBefore) / state.working
      this.#shares.spend(who, Math.max(leastMs, Math.min(this.#clock.now() - begunAt, busyMs, MOST_COST_MS)))
      state.working--
      this.#letIn(who, state)
    }
  }

  #mayEnter(who: string, { working }: CallerState): boolean {
    return working < AT_ONCE && this.#shares.waitOf(who) === 0
  }

  #wait(who: string, state: CallerState): Promise<void> {
    if (state.waiting.size >= MOST_WAITING) throw this.#refusal(who)
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        enter: () => {
          cancel()
          resolve()
        },
      }
      const cancel = this.#clock.after(PATIENCE_MS, () => {
        state.waiting.delete(waiting)
        this.#forget(who, state)
        reject(this.#refusal(who))
      })
      state.waiting.add(waiting)
      this.#letIn(who, state)
    })
  }

  #letIn(who: string, state: CallerState): void {
    state.cancelWait?.()
    state.cancelWait = undefined
    for (const waiting of state.waiting) {
      if (!this.#mayEnter(who, state)) break
      state.waiting.delete(waiting)
      state.working++
      waiting.enter()
    }
    const wait = this.#shares.waitOf(who)
    if (state.waiting.size > 0 && state.working < AT_ONCE && wait > 0) state.cancelWait = this.#clock.after(wait, () => this.#letIn(who, state))
    this.#forget(who, state)
  }

  #refusal(who: string): TooManyRequests {
    return new TooManyRequests(who, Math.max(1000, this.#shares.waitOf(who)))
  }

  #stateOf(who: string): CallerState {
    let state = this.#callers.get(who)
    if (state === undefined) this.#callers.set(who, (state = { working: 0, waiting: new Set(), cancelWait: undefined }))
    return state
  }

  #forget(who: string, state: CallerState): void {
    if (state.working > 0 || state.waiting.size > 0) return
    state.cancelWait?.()
    this.#callers.delete(who)
  }
}
