import type { Clock } from '../clock.ts'
import { Buckets } from './buckets.ts'
import { FairQueue, type Share, type Turn } from './fair-queue.ts'
import { portionFor, rateOrNone, TokenBucket } from './token-bucket.ts'

/** Background is work that nobody waits for: it gets what foreground leaves. */
export const PRIORITIES = ['foreground', 'background'] as const
export type Priority = (typeof PRIORITIES)[number]

/** So little of what both want goes to background that it never starves. */
export const PRIORITY_WEIGHTS: Readonly<Record<Priority, number>> = { foreground: 24, background: 1 }

/** Who is about to ask again, a moment after being served, is not passed over by background; milliseconds. */
const YIELD_MS = 5

/** Stands for all origins where a limit is asked for a peer. */
export const ORIGIN_PEER = 'origin'

/** Whom bytes are for; each of these may have a limit of its own. */
export interface RateUse {
  readonly task: string
  /** The other side. */
  readonly peer: string
  /** @default 'foreground' */
  readonly priority?: Priority
}

/** Limits in bytes per second; 0: none. */
export interface RateLimits {
  /** Everything together. */
  readonly host: number
  /** Each task that has no limit of its own. */
  readonly perTask: number
  /** Each peer, with all its tasks. */
  readonly perPeer: number
}

/** Bytes of one task, to or from one peer. */
export interface RateFlow {
  /** Whether bytes may pass without asking. May change at any time. */
  readonly unlimited: boolean
  /** What is best taken at once, so that the limits are kept evenly; bytes. */
  readonly portion: number
  /** How long what passed had to wait, in all; milliseconds. */
  readonly heldMs: number
  /** Resolves when `bytes` may pass. @throws the signal's reason, at once; what did not pass is not counted */
  take(bytes: number, signal?: AbortSignal): Promise<void>
}

interface Waiter extends Turn {
  readonly use: RateUse
  readonly pass: () => void
}

/**
 * The limits of one host in one direction, shared by all that it sends or receives. Who waits is served so that priorities,
 * then tasks, then peers of a task share evenly what there is; what one does not want, or may not have, goes to the others.
 */
export class RateLimiter {
  readonly #clock: Clock
  readonly #queue = new FairQueue<Waiter>()
  readonly #host: TokenBucket
  readonly #tasks: Buckets
  readonly #peers: Buckets
  #isOpen = true
  #foregroundAt = Number.NEGATIVE_INFINITY
  #cancelTimer: () => void = () => undefined

  /** @param limits or only that of the host; bytes per second, 0 or Infinity: no limit. */
  constructor(limits: number | RateLimits, clock: Clock) {
    this.#clock = clock
    const { host, perTask, perPeer } = typeof limits === 'number' ? { host: limits, perTask: 0, perPeer: 0 } : limits
    this.#host = new TokenBucket(rateOrNone(host), clock.now())
    this.#tasks = new Buckets(rateOrNone(perTask))
    this.#peers = new Buckets(rateOrNone(perPeer))
    this.#limitsChanged()
  }

  /** In force, 0: no limit. */
  get limits(): RateLimits {
    return { host: zeroIfNone(this.#host.rate), perTask: zeroIfNone(this.#tasks.usual), perPeer: zeroIfNone(this.#peers.usual) }
  }

  /** Limits of single tasks, 0: none though others have one. */
  get taskLimits(): ReadonlyMap<string, number> {
    return new Map([...this.#tasks.own].map(([task, rate]) => [task, zeroIfNone(rate)]))
  }

  /** Holds at once, for those who wait too. Bytes per second; what is left out stays. */
  setLimits({ host, perTask, perPeer }: Partial<RateLimits>): void {
    const now = this.#clock.now()
    if (host !== undefined) this.#host.setRate(rateOrNone(host), now)
    if (perTask !== undefined) this.#tasks.setUsual(rateOrNone(perTask), now)
    if (perPeer !== undefined) this.#peers.setUsual(rateOrNone(perPeer), now)
    this.#limitsChanged()
  }

  /** Gives one task a limit of its own; undefined: that of all tasks. Bytes per second, 0: none. */
  limitTask(task: string, rate: number | undefined): void {
    this.#tasks.setOwn(task, rate === undefined ? undefined : rateOrNone(rate), this.#clock.now())
    this.#limitsChanged()
  }

  /** The same for one peer. */
  limitPeer(peer: string, rate: number | undefined): void {
    this.#peers.setOwn(peer, rate === undefined ? undefined : rateOrNone(rate), this.#clock.now())
    this.#limitsChanged()
  }

  /** Whether anything of the task waits for a limit now. */
  isHolding(task: string): boolean {
    return this.#queue.size > 0 && PRIORITIES.some((priority) => this.#queue.isWaiting([priority, task]))
  }

  /** Whether the task has a limit that other tasks do not share with it. */
  hasOwnLimit(task: string): boolean {
    return this.#tasks.rateOf(task) !== Number.POSITIVE_INFINITY
  }

  /** How fast bytes of the task can pass at most; bytes per second, Infinity: there is no limit. */
  mostOf(task: string): number {
    return Math.min(this.#host.rate, this.#tasks.rateOf(task))
  }

  /** How many tasks and peers there is something to remember of. */
  get remembered(): number {
    return this.#tasks.size + this.#peers.size + this.#queue.nodes
  }

  flow(use: RateUse): RateFlow {
    const rate = (): number => this.#rateOf(use)
    const take = async (bytes: number, signal: AbortSignal | undefined): Promise<void> => {
      const since = this.#clock.now()
      await this.#take(use, bytes, signal)
      heldMs += this.#clock.now() - since
    }
    let heldMs = 0
    const isOpen = (): boolean => this.#isOpen || rate() === Number.POSITIVE_INFINITY
    return {
      get unlimited() {
        return isOpen()
      },
      get portion() {
        return portionFor(rate())
      },
      get heldMs() {
        return heldMs
      },
      take,
    }
  }

  #rateOf({ task, peer }: RateUse): number {
    return Math.min(this.#host.rate, this.#tasks.rateOf(task), this.#peers.rateOf(peer))
  }

  async #take(use: RateUse, bytes: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    for (let left = bytes; left > 0; ) {
      const rate = this.#rateOf(use)
      if (rate === Number.POSITIVE_INFINITY) return
      const part = Math.min(left, portionFor(rate))
      await this.#wait(use, part, signal)
      left -= part
    }
  }

  #wait(use: RateUse, bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const { task, peer, priority = 'foreground' } = use
    const path = [shareOf(priority), { key: task, weight: 1 }, { key: peer, weight: 1 }]
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        if (!this.#queue.remove(waiter)) return
        this.#grant()
        reject(signal?.reason as Error)
      }
      const pass = (): void => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const waiter: Waiter = { use, path, bytes, pass }
      signal?.addEventListener('abort', abort, { once: true })
      this.#queue.add(waiter, this.#clock.now())
      this.#grant()
    })
  }

  /** Lets pass whoever may, and sets the timer for the next one. */
  #grant(): void {
    this.#cancelTimer()
    const now = this.#clock.now()
    let wait = Number.POSITIVE_INFINITY
    const mayServe = (waiter: Waiter): boolean => {
      const ms = this.#waitFor(waiter, now)
      wait = Math.min(wait, ms > 0 ? ms : wait)
      return ms <= 0
    }
    while (this.#queue.size > 0) {
      wait = Number.POSITIVE_INFINITY
      const next = this.#queue.next(mayServe, now)
      if (next === undefined) break
      this.#draw(next, now)
      next.pass()
    }
    if (this.#queue.size > 0) this.#cancelTimer = this.#clock.after(Math.max(1, wait), () => this.#grant())
  }

  #waitFor({ use, bytes }: Waiter, now: number): number {
    const { task, peer, priority } = use
    const wait = Math.max(
      this.#host.waitFor(bytes, now),
      this.#tasks.waitFor(task, bytes, now),
      this.#peers.waitFor(peer, bytes, now),
    )
    return priority === 'background' && wait <= 0 ? this.#yieldFor(now) : wait
  }

  #yieldFor(now: number): number {
    const left = this.#foregroundAt + YIELD_MS - now
    return left > 0 && this.#queue.leadOf('background', 'foreground') > 0 ? left : 0
  }

  #draw({ use, bytes }: Waiter, now: number): void {
    this.#host.draw(bytes, now)
    this.#tasks.draw(use.task, bytes, now)
    this.#peers.draw(use.peer, bytes, now)
    if (use.priority !== 'background') this.#foregroundAt = now
  }

  #limitsChanged(): void {
    this.#isOpen = this.#host.rate === Number.POSITIVE_INFINITY && this.#tasks.isOpen && this.#peers.isOpen
    this.#grant()
  }
}

function shareOf(priority: Priority): Share {
  return { key: priority, weight: PRIORITY_WEIGHTS[priority] }
}

function zeroIfNone(rate: number): number {
  return rate === Number.POSITIVE_INFINITY ? 0 : rate
}
