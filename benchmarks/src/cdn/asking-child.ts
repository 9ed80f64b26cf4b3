import type { Assignment, ControlClient, TaskControl, TaskControlListener, TaskNews } from '@damselfly/exchange'
import { DamselflyError, deriveTaskId } from '@damselfly/shared'

/** What a child has been told, as seconds since it asked. */
export interface Told {
  /** When the first piece was offered to it. */
  readonly firstPiece: number
  /** When every piece was there, wherever. */
  readonly whole: number
}

/** Asks for a content as a child does and is told what there is, but moves no bytes: what it is offered counts as fetched at once. */
export class AskingChild {
  readonly #url: string
  readonly #takes: boolean
  readonly #control: TaskControl
  readonly #whole = Promise.withResolvers<void>()
  #firstPieceAt = Number.NaN

  /** @param takes whether it wants pieces at all, rather than news alone */
  constructor(client: ControlClient, url: string, takes: boolean) {
    this.#url = url
    this.#takes = takes
    const failed = (why: string): void => this.#whole.reject(new DamselflyError('NO_SOURCE', why))
    const listener: TaskControlListener = {
      parent: () => undefined,
      assigned: (assignment) => this.#assigned(assignment),
      cancelled: () => undefined,
      news: (news) => this.#heard(news),
      backToSource: failed,
      lost: () => failed('the supernode is gone'),
      restored: () => undefined,
    }
    this.#whole.promise.catch(() => undefined)
    this.#control = client.task(deriveTaskId({ url }), listener)
  }

  async ask(signal: AbortSignal): Promise<Told> {
    const askedAt = performance.now()
    const since = (at: number): number => (at - askedAt) / 1000
    const aborted = (): void => this.#whole.reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      const identity = { url: this.#url }
      const taskId = deriveTaskId(identity)
      await this.#control.register({ taskId, identity, credentials: new Map(), order: 'rarest-first', held: undefined }, signal)
      if (this.#takes) this.#control.want(this.#control.window())
      await this.#whole.promise
      return { firstPiece: since(this.#firstPieceAt), whole: since(performance.now()) }
    } finally {
      signal.removeEventListener('abort', aborted)
      this.#control.leave()
    }
  }

  #assigned({ index, parent }: Assignment): void {
    if (Number.isNaN(this.#firstPieceAt)) this.#firstPieceAt = performance.now()
    // In the next turn, as after any real work.
    setImmediate(() => {
      this.#control.pieceDone(index, parent, 1, 1)
      this.#control.want(1)
    })
  }

  #heard({ signedManifest, error }: TaskNews): void {
    if (error !== undefined) this.#whole.reject(error)
    else if (signedManifest !== undefined) this.#whole.resolve()
  }
}
