import { DamselflyError, isDamselflyError, toDamselflyError, type PeerId, type Sha256 } from '@damselfly/shared'
import type { Assignment, ParentInfo } from '../control/task-control.ts'
import { hedge } from './hedge.ts'
import type { FetchedPiece, PieceFetchContext } from './piece-fetch.ts'
import { rangeOfPiece } from './stored-content.ts'

/** How the outcome of each assignment is reported; each one frees its place for another assignment. */
export interface SwarmFetchEvents {
  done(index: number, result: FetchedPiece): void
  failed(index: number, parent: PeerId, error: DamselflyError): void
  /** The piece was here already, or came from elsewhere meanwhile. */
  needless(index: number, parent: PeerId): void
  /** The very same assignment is being carried out. */
  repeated(): void
}

export interface SwarmFetchOptions {
  readonly context: PieceFetchContext
  readonly events: SwarmFetchEvents
  /** Aborts everything; what ends so is not reported. */
  readonly signal: AbortSignal
}

interface Running {
  readonly parent: PeerId
  readonly abort: AbortController
  /** Resolves once the outcome has been reported. */
  readonly ended: Promise<void>
}

type Report = (events: SwarmFetchEvents) => void

/** Carries out assignments: many at once, one fetch per piece, a second parent for stragglers. */
export class SwarmFetch {
  readonly #options: SwarmFetchOptions
  readonly #parents = new Map<PeerId, ParentInfo>()
  readonly #running = new Map<number, Running>()

  constructor(options: SwarmFetchOptions) {
    this.#options = options
    const { signal } = options
    signal.addEventListener('abort', () => this.#running.forEach(({ abort }) => abort.abort(signal.reason)), { once: true })
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
    const { events } = this.#options
    const info = this.#parents.get(parent)
    const running = this.#running.get(index)
    if (info === undefined) {
      const error = new DamselflyError('PEER_UNREACHABLE', `piece ${index} was assigned to a parent that was never introduced`)
      events.failed(index, parent, error)
    } else if (running === undefined) {
      this.#start(index, info, digest)
    } else if (running.parent === parent) {
      events.repeated()
    } else {
      events.needless(index, parent)
    }
  }

  cancel(index: number, parent: PeerId): void {
    const running = this.#running.get(index)
    if (running?.parent === parent) running.abort.abort(new DamselflyError('CANCELLED', `piece ${index} was taken back`))
  }

  /** Resolves when everything that runs has ended, also what began meanwhile. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ ended }) => ended))
  }

  #start(index: number, parent: ParentInfo, digest: Sha256): void {
    const abort = new AbortController()
    if (this.#options.signal.aborted) abort.abort(this.#options.signal.reason)
    this.#running.set(index, { parent: parent.peer, abort, ended: this.#carryOut(index, parent, digest, abort.signal) })
  }

  async #carryOut(index: number, parent: ParentInfo, digest: Sha256, signal: AbortSignal): Promise<void> {
    const { events } = this.#options
    const report = await this.#fetch(index, parent, digest, signal)
    // Whoever listens may assign the next piece at once; this one must not count as running any more.
    this.#running.delete(index)
    report(events)
  }

  async #fetch(index: number, parent: ParentInfo, digest: Sha256, signal: AbortSignal): Promise<Report> {
    const { context } = this.#options
    try {
      const result = await hedge({
        context,
        parent,
        piece: rangeOfPiece(context.stored, index),
        digest,
        alternatives: () => this.#alternatives(parent.peer),
        isEndGame: () => this.#isEndGame(),
        signal,
      })
      return (events) => events.done(index, result)
    } catch (error) {
      return this.#failure(index, parent.peer, toDamselflyError(error), signal)
    }
  }

  async #failure(index: number, parent: PeerId, error: DamselflyError, signal: AbortSignal): Promise<Report> {
    const { context } = this.#options
    if (this.#options.signal.aborted) return () => undefined
    if (isDamselflyError(error, 'TASK_BUSY')) await this.#otherWriter(index, signal)
    if (context.stored.has(index)) return (events) => events.needless(index, parent)
    return (events) => events.failed(index, parent, error)
  }

  /** Waits for whoever else writes the piece, within the time that any parent gets. */
  async #otherWriter(index: number, signal: AbortSignal): Promise<void> {
    const { stored, clock, deadline } = this.#options.context
    const limit = new AbortController()
    const cancel = clock.after(deadline.deadline, () => limit.abort(new DamselflyError('TIMEOUT', 'the other writer is late')))
    try {
      await stored.whenAvailable(index, AbortSignal.any([signal, limit.signal]))
    } catch {
      // Whether the piece has come is looked at afterwards, whatever ended the wait.
    } finally {
      cancel()
    }
  }

  /** Peers first, so that a late piece does not become one more burden for the CDN. */
  #alternatives(except: PeerId): readonly ParentInfo[] {
    return this.parents.filter(({ peer }) => peer !== except).toSorted((a, b) => Number(a.isCdn) - Number(b.isCdn))
  }

  /** Everything that is missing is under way. Bytes tell it as well as pieces do, and cost nothing to count. */
  #isEndGame(): boolean {
    const { layout, verifiedBytes } = this.#options.context.stored
    return layout !== undefined && layout.contentLength - verifiedBytes <= this.#running.size * layout.pieceSize
  }
}
