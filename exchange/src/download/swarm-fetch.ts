import {
  DamselflyError,
  isDamselflyError,
  toDamselflyError,
  type PeerId,
  type PieceRange,
  type Sha256,
} from '@damselfly/shared'
import type { Assignment, ParentInfo } from '../control/task-control.ts'
import { hedge } from './hedge.ts'
import type { FetchedPiece, PieceFetchContext } from './piece-fetch.ts'

/** How the outcome of each assignment is reported. */
export interface SwarmFetchEvents {
  done(index: number, result: FetchedPiece): void
  failed(index: number, parent: PeerId, error: DamselflyError): void
  /** The piece was here already, or came from elsewhere meanwhile. */
  needless(index: number, parent: PeerId): void
}

export interface SwarmFetchOptions {
  readonly context: PieceFetchContext
  readonly events: SwarmFetchEvents
  /** Aborts everything. */
  readonly signal: AbortSignal
}

interface Running {
  readonly parent: PeerId
  readonly abort: AbortController
  readonly ended: Promise<void>
}

/** Carries out assignments: many at once, one fetch per piece, a second parent for stragglers. */
export class SwarmFetch {
  readonly #options: SwarmFetchOptions
  readonly #parents = new Map<PeerId, ParentInfo>()
  readonly #running = new Map<number, Running>()

  constructor(options: SwarmFetchOptions) {
    this.#options = options
  }

  get parents(): readonly ParentInfo[] {
    return [...this.#parents.values()]
  }

  /** How many pieces are being fetched. */
  get running(): number {
    return this.#running.size
  }

  isFetching(index: number): boolean {
    return this.#running.has(index)
  }

  addParent(parent: ParentInfo): void {
    this.#parents.set(parent.peer, parent)
  }

  assign({ index, parent, digest }: Assignment): void {
    const info = this.#parents.get(parent)
    const running = this.#running.get(index)
    if (info === undefined) {
      const error = new DamselflyError('PEER_UNREACHABLE', `piece ${index} was assigned to a parent that was never introduced`)
      this.#options.events.failed(index, parent, error)
    } else if (running !== undefined) {
      if (running.parent !== parent) this.#options.events.needless(index, parent)
    } else {
      this.#start(index, info, digest)
    }
  }

  cancel(index: number, parent: PeerId): void {
    const running = this.#running.get(index)
    if (running?.parent === parent) running.abort.abort(new DamselflyError('CANCELLED', `piece ${index} was taken back`))
  }

  /** Resolves when everything that runs has ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
  }

  #start(index: number, parent: ParentInfo, digest: Sha256): void {
    const abort = new AbortController()
    const ended = this.#fetch(index, parent, digest, abort.signal).finally(() => this.#running.delete(index))
    this.#running.set(index, { parent: parent.peer, abort, ended })
  }

  async #fetch(index: number, parent: ParentInfo, digest: Sha256, cancelled: AbortSignal): Promise<void> {
    const { context, events, signal } = this.#options
    try {
      const piece = this.#range(index)
      const result = await hedge({
        context,
        parent,
        piece,
        digest,
        alternatives: () => this.#alternatives(parent.peer),
        isEndGame: () => this.#isEndGame(),
        signal: AbortSignal.any([signal, cancelled]),
      })
      // Whoever listens may assign the next piece at once; this one must not count as running any more.
      this.#running.delete(index)
      events.done(index, result)
    } catch (error) {
      await this.#fetchFailed(index, parent.peer, error)
    }
  }

  async #fetchFailed(index: number, parent: PeerId, error: unknown): Promise<void> {
    const { context, events, signal } = this.#options
    if (signal.aborted) return
    if (context.stored.has(index) || (isDamselflyError(error, 'TASK_BUSY') && (await this.#cameFromElsewhere(index)))) {
      this.#running.delete(index)
      events.needless(index, parent)
      return
    }
    this.#running.delete(index)
    events.failed(index, parent, toDamselflyError(error))
  }

  /** Waits for the other writer of the piece, within the time that any parent gets. */
  async #cameFromElsewhere(index: number): Promise<boolean> {
    const { context, signal } = this.#options
    const limit = new AbortController()
    const cancel = context.clock.after(context.deadline.deadline, () => limit.abort(new DamselflyError('TIMEOUT', 'too late')))
    try {
      await context.stored.whenAvailable(index, AbortSignal.any([signal, limit.signal]))
      return context.stored.has(index)
    } catch {
      return false
    } finally {
      cancel()
    }
  }

  /** @throws RangeError when the content has no such piece */
  #range(index: number): PieceRange {
    const { layout, record } = this.#options.context.stored
    return layout?.piece(index) ?? { index, offset: index * record.pieceSize, length: record.pieceSize }
  }

  /** Peers first, so that a late piece does not become one more burden for the CDN. */
  #alternatives(except: PeerId): readonly ParentInfo[] {
    return this.parents.filter(({ peer }) => peer !== except).toSorted((a, b) => Number(a.isCdn) - Number(b.isCdn))
  }

  /** Everything that is missing is under way. */
  #isEndGame(): boolean {
    const { stored } = this.#options.context
    return stored.layout !== undefined && stored.layout.pieceCount - stored.have().count <= this.#running.size
  }
}
