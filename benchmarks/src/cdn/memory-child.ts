import { createHash } from 'node:crypto'
import type { Assignment, ControlClient, LanePool, ParentInfo, TaskControl, TaskControlListener } from '@damselfly/exchange'
import { deriveTaskId, digestsEqual, PieceLayout, type TaskId } from '@damselfly/shared'

/** A child that has lanes and no disk: it takes every piece as fast as it comes, compares it with its digest or not, and keeps none. */
export class MemoryChild {
  readonly #url: string
  readonly #taskId: TaskId
  readonly #lanes: LanePool
  readonly #checks: boolean
  readonly #control: TaskControl
  readonly #parents = new Map<string, ParentInfo>()
  readonly #whole = Promise.withResolvers<void>()
  #layout: PieceLayout | undefined
  #signal: AbortSignal = AbortSignal.abort()
  #missing = 0

  /** @param checks whether bytes are hashed as they come, and pieces compared with their digests */
  constructor(client: ControlClient, lanes: LanePool, url: string, checks: boolean) {
    this.#url = url
    this.#lanes = lanes
    this.#checks = checks
    this.#taskId = deriveTaskId({ url })
    const listener: TaskControlListener = {
      parent: (parent) => void this.#parents.set(parent.peer, parent),
      assigned: (assignment) => void this.#fetch(assignment).catch(this.#whole.reject),
      cancelled: () => undefined,
      news: ({ error }) => error !== undefined && this.#whole.reject(error),
      backToSource: (reason) => this.#whole.reject(new Error(`sent back to the source: ${reason}`)),
      lost: () => this.#whole.reject(new Error('the supernode is gone')),
      restored: () => undefined,
    }
    this.#whole.promise.catch(() => undefined)
    this.#control = client.task(this.#taskId, listener)
  }

  /** Resolves when all bytes of a content have come that the CDN holds. */
  async receive(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    const aborted = (): void => this.#whole.reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      const registration = { taskId: this.#taskId, identity: { url: this.#url }, credentials: new Map(), held: undefined }
      const { contentLength = 0, pieceSize } = await this.#control.register({ ...registration, order: 'rarest-first' }, signal)
      this.#layout = new PieceLayout(contentLength, pieceSize)
      this.#missing = this.#layout.pieceCount
      this.#control.want(this.#control.window())
      await this.#whole.promise
    } finally {
      signal.removeEventListener('abort', aborted)
      this.#control.leave()
    }
  }

  async #fetch({ index, digest, parent }: Assignment): Promise<void> {
    const info = this.#parents.get(parent)
    if (info === undefined || this.#layout === undefined) throw new Error(`${parent} was not introduced`)
    const lane = await this.#lanes.lane(info, this.#signal)
    lane.presentTicket(this.#taskId, info.signedTicket)
    const piece = this.#layout.piece(index)
    const startedAt = performance.now()
    const hash = this.#checks ? createHash('sha256') : undefined
    await lane.request(this.#taskId, piece, (bytes) => void hash?.update(bytes), this.#signal)
    if (hash !== undefined && !digestsEqual(hash.digest(), digest)) throw new Error(`piece ${index} is wrong`)
    this.#control.pieceDone(index, info.peer, piece.length, performance.now() - startedAt)
    this.#missing--
    if (this.#missing === 0) this.#whole.resolve()
    else this.#control.want(1)
  }
}
