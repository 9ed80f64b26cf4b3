import type { Assignment, ControlClient, HeldTask, TaskControl, TaskControlListener } from '@damselfly/exchange'
import { isDamselflyError } from '@damselfly/shared'

/** What a real child's piece takes, roughly; milliseconds. */
const PIECE_MS = 10

/** How many messages a child and its supernode exchange about one content, besides those about pieces. */
const AROUND = { registerAndAnswer: 2, leaveAndDrop: 2 } as const

/** Speaks with the supernode as a child does that fetches a content, but moves no bytes: each piece counts as fetched at once. */
export class TalkingChild {
  readonly #client: ControlClient
  readonly #content: HeldTask
  readonly #control: TaskControl
  readonly #over = Promise.withResolvers<void>()
  #missing: number
  #messages = 0

  constructor(client: ControlClient, content: HeldTask) {
    this.#client = client
    this.#content = content
    this.#missing = content.digests.length
    const over = (): void => this.#over.resolve()
    const heard = (): void => void this.#messages++
    const listener: TaskControlListener = {
      parent: heard,
      assigned: (assignment) => this.#assigned(assignment),
      cancelled: heard,
      news: heard,
      backToSource: over,
      lost: over,
      restored: () => undefined,
    }
    this.#control = client.task(content.taskId, listener)
  }

  /** @returns messages, both ways. Pings are none. */
  async fetch(signal: AbortSignal): Promise<number> {
    const over = (): void => this.#over.resolve()
    signal.addEventListener('abort', over, { once: true })
    try {
      const { taskId, identity } = this.#content
      await this.#control.register({ taskId, identity, credentials: new Map(), order: 'rarest-first', held: undefined }, signal)
      this.#messages += AROUND.registerAndAnswer
      this.#want(this.#control.window())
      await this.#over.promise
    } catch (error) {
      // The supernode's restart is for whoever restarts it to notice.
      if (!signal.aborted && !isDamselflyError(error, 'SUPERNODE_UNREACHABLE')) throw error
    } finally {
      signal.removeEventListener('abort', over)
      this.#control.leave()
      // It would hold more and more, and soon everything.
      this.#client.dropTask(this.#content.taskId)
      this.#messages += AROUND.leaveAndDrop
    }
    return this.#messages
  }

  #assigned({ index, parent }: Assignment): void {
    this.#messages++
    // In the next turn, as after any real work.
    setImmediate(() => {
      const { contentLength, digests } = this.#content
      this.#control.pieceDone(index, parent, contentLength / digests.length, PIECE_MS)
      this.#messages++
      this.#missing--
      if (this.#missing === 0) this.#over.resolve()
      else this.#want(1)
    })
  }

  #want(count: number): void {
    this.#control.want(count)
    this.#messages++
  }
}
