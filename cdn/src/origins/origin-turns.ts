interface Waiting {
  readonly enter: () => void
}

/** What one caller has of an origin. */
interface Share {
  held: number
  readonly waiting: Set<Waiting>
}

interface Queue {
  held: number
  waiting: number
  readonly shares: Map<string | undefined, Share>
}

/**
 * Turns of many origins. One gets another turn only while it leaves more free than it holds, so that no slow ones, however
 * many, can take all: of `total` turns k of them get at most `total` / (k + 1) each. The turns of one origin are divided among
 * its callers in the same way.
 */
export class OriginTurns {
  readonly #perOrigin: number
  readonly #queues = new Map<string, Queue>()
  #free: number
  #waiting = 0

  constructor(total: number, perOrigin: number) {
    this.#free = total
    this.#perOrigin = perOrigin
  }

  /** Turns that are taken now. */
  held(origin: string): number {
    return this.#queues.get(origin)?.held ?? 0
  }

  /** How many wait for a turn. */
  get waiting(): number {
    return this.#waiting
  }

  /**
   * Resolves when it is the caller's turn, which lasts until the returned function is called, once.
   *
   * @param by who asks; undefined: nobody who could ask for too much
   * @throws the signal's reason
   */
  async begin(origin: string, signal: AbortSignal, by?: string): Promise<() => void> {
    signal.throwIfAborted()
    const queue = this.#queueOf(origin)
    const share = shareOf(queue, by)
    if (share.waiting.size > 0 || !this.#mayEnter(queue, by, share)) await this.#wait(origin, queue, by, share, signal)
    else this.#enter(queue, share)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#free++
      queue.held--
      share.held--
      this.#letIn()
      this.#forget(origin, queue, by, share)
    }
  }

  #wait(origin: string, queue: Queue, by: string | undefined, share: Share, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const waiting = { enter }
      const leave = (): void => {
        share.waiting.delete(waiting)
        queue.waiting--
        this.#waiting--
        this.#forget(origin, queue, by, share)
        reject(signal.reason as Error)
      }
      share.waiting.add(waiting)
      queue.waiting++
      this.#waiting++
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  /** Those who hold the fewest first, of the origins and of the callers of each; of one caller in the order of its asking. */
  #letIn(): void {
    while (this.#waiting > 0) {
      let next: readonly [queue: Queue, share: Share] | undefined
      for (const queue of this.#queues.values()) {
        if (queue.waiting === 0 || queue.held >= (next?.[0].held ?? Number.POSITIVE_INFINITY)) continue
        const share = this.#nextOf(queue)
        if (share !== undefined) next = [queue, share]
      }
      const [first] = next?.[1].waiting ?? []
      if (next === undefined || first === undefined) return
      const [queue, share] = next
      share.waiting.delete(first)
      queue.waiting--
      this.#waiting--
      this.#enter(queue, share)
      first.enter()
    }
  }

  /** Nobody comes before those who hold fewer, also where these must wait for more to be free. */
  #nextOf(queue: Queue): Share | undefined {
    let next: readonly [by: string | undefined, share: Share] | undefined
    for (const entry of queue.shares) {
      if (entry[1].waiting.size > 0 && entry[1].held < (next?.[1].held ?? Number.POSITIVE_INFINITY)) next = entry
    }
    return next !== undefined && this.#mayEnter(queue, ...next) ? next[1] : undefined
  }

  #mayEnter({ held }: Queue, by: string | undefined, share: Share): boolean {
    const left = this.#perOrigin - held
    return left > 0 && this.#free > held && (by === undefined || left > share.held)
  }

  #enter(queue: Queue, share: Share): void {
    queue.held++
    share.held++
    this.#free--
  }

  #queueOf(origin: string): Queue {
    let queue = this.#queues.get(origin)
    if (queue === undefined) this.#queues.set(origin, (queue = { held: 0, waiting: 0, shares: new Map() }))
    return queue
  }

  #forget(origin: string, queue: Queue, by: string | undefined, share: Share): void {
    if (share.held === 0 && share.waiting.size === 0) queue.shares.delete(by)
    if (queue.shares.size === 0) this.#queues.delete(origin)
  }
}

function shareOf({ shares }: Queue, by: string | undefined): Share {
  let share = shares.get(by)
  if (share === undefined) shares.set(by, (share = { held: 0, waiting: new Set() }))
  return share
}
