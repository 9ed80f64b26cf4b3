interface Waiting {
  readonly enter: () => void
}

interface Queue {
  held: number
  readonly waiting: Set<Waiting>
}

/**
 * Turns of many origins. One gets another turn only while it leaves more free than it holds, so that no slow ones, however
 * many, can take all: of `total` turns k of them get at most `total` / (k + 1) each.
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

  /** Resolves when it is the caller's turn, which lasts until the returned function is called, once. @throws the signal's reason */
  async begin(origin: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    const queue = this.#queueOf(origin)
    if (queue.waiting.size > 0 || !this.#mayEnter(queue)) await this.#wait(origin, queue, signal)
    else this.#enter(queue)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#free++
      queue.held--
      this.#letIn()
      this.#forget(origin, queue)
    }
  }

  #wait(origin: string, queue: Queue, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const waiting = { enter }
      const leave = (): void => {
        queue.waiting.delete(waiting)
        this.#waiting--
        this.#forget(origin, queue)
        reject(signal.reason as Error)
      }
      queue.waiting.add(waiting)
      this.#waiting++
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  /** Those who hold the fewest first; of one origin in the order of their coming. */
  #letIn(): void {
    while (this.#waiting > 0) {
      let next: Queue | undefined
      for (const queue of this.#queues.values()) {
        if (queue.waiting.size > 0 && this.#mayEnter(queue) && queue.held < (next?.held ?? Number.POSITIVE_INFINITY)) next = queue
      }
      const [first] = next?.waiting ?? []
      if (next === undefined || first === undefined) return
      next.waiting.delete(first)
      this.#waiting--
      this.#enter(next)
      first.enter()
    }
  }

  #mayEnter({ held }: Queue): boolean {
    return held < this.#perOrigin && this.#free > held
  }

  #enter(queue: Queue): void {
    queue.held++
    this.#free--
  }

  #queueOf(origin: string): Queue {
    let queue = this.#queues.get(origin)
    if (queue === undefined) this.#queues.set(origin, (queue = { held: 0, waiting: new Set() }))
    return queue
  }

  #forget(origin: string, queue: Queue): void {
    if (queue.held === 0 && queue.waiting.size === 0) this.#queues.delete(origin)
  }
}
