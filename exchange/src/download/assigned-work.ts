import { DamselflyError, ORIGIN_PEER, type PeerId, type Priority, type Sha256 } from '@damselfly/shared'
import type { Assignment, ParentInfo, TaskControl } from '../control/task-control.ts'
import { atOnce } from './at-once.ts'
import { OriginWork, type OriginWorkOptions } from './origin-work.ts'
import type { FetchedPiece, PieceFetchContext } from './piece-fetch.ts'
import { isDiskTrouble, isFinal, isSpoiled } from './refusals.ts'
import { rangeOfPiece } from './stored-content.ts'
import { SwarmFetch } from './swarm-fetch.ts'

export interface AssignedWorkOptions {
  readonly context: PieceFetchContext
  readonly control: TaskControl | undefined
  /** Undefined where the origin may not be used. */
  readonly openOrigin: OriginWorkOptions['open'] | undefined
  /** As its callers wish. */
  readonly priority: () => Priority
  /** What may come at most; bytes per second, Infinity: there is no limit. */
  readonly mostRate: () => number
  /** The first piece that lacks where somebody reads in order; undefined: nobody does. */
  readonly readAt: () => number | undefined
  /** Whether the supernode gives assignments now. */
  readonly isJoined: () => boolean
  readonly onPiece: () => void
  /** The origin says of the content what no other way would change. */
  readonly onOriginTrouble: (error: DamselflyError) => void
  /** The disk fails: whoever brings pieces, they cannot be kept. */
  readonly onDiskTrouble: (error: DamselflyError) => void
  readonly signal: AbortSignal
}

/** Carries out what the supernode assigns, tells it how each piece went, and asks for more. */
export class AssignedWork {
  readonly #options: AssignedWorkOptions
  readonly #swarm: SwarmFetch
  readonly #origin: OriginWork | undefined
  /** Assignments that were asked for and have not ended. */
  #open = 0

  constructor(options: AssignedWorkOptions) {
    this.#options = options
    const { context, openOrigin, signal } = options
    if (openOrigin !== undefined) {
      this.#origin = new OriginWork({
        open: openOrigin,
        onStored: (index, digest, durationMs) => this.#fetched(index, digest, durationMs),
        onFailed: (index, error) => this.#failed(index, ORIGIN_PEER, error),
        clock: context.clock,
        signal,
      })
    }
    this.#swarm = new SwarmFetch({
      context,
      signal,
      events: {
        done: (index, result) => {
          this.report(index, result)
          this.#wantNext()
        },
        failed: (index, parent, error) => this.#failed(index, parent, error),
        needless: (index, parent) => this.#needless(index, parent),
        repeated: () => this.#wantNext(),
      },
    })
  }

  get context(): PieceFetchContext {
    return this.#options.context
  }

  get parents(): readonly ParentInfo[] {
    return this.#swarm.parents
  }

  /** How many pieces are being fetched. */
  get running(): number {
    return this.#swarm.running + (this.#origin?.running ?? 0)
  }

  isFetching(index: number): boolean {
    return this.#swarm.isFetching(index) || this.#origin?.isFetching(index) === true
  }

  addParent(parent: ParentInfo): void {
    this.#swarm.addParent(parent)
  }

  assign(assignment: Assignment): void {
    this.#swarm.assign(assignment)
  }

  /** The supernode wants this peer to fetch the piece from the origin. */
  assignOrigin(index: number): void {
    if (this.#origin === undefined) {
      this.#failed(index, ORIGIN_PEER, new DamselflyError('PIECE_REFUSED', 'this download may not use the origin'))
    } else if (this.context.stored.has(index) || this.#swarm.isFetching(index)) {
      this.#needless(index, ORIGIN_PEER)
    } else {
      this.#origin.assign(index)
    }
  }

  cancel(index: number, parent: PeerId): void {
    this.#swarm.cancel(index, parent)
  }

  /** Resolves when nothing is being fetched. */
  async settled(): Promise<void> {
    await Promise.all([this.#swarm.settled(), this.#origin?.settled()])
  }

  /** Asks for the first assignments after a registration. */
  wantFirst(): void {
    // Pieces that still come from before make room for one more each when they end.
    this.#open = this.running
    this.#wantMore()
  }

  /** Somebody has begun to read, perhaps elsewhere than those before. */
  readerBegan(): void {
    const { context, control, isJoined, priority, readAt } = this.#options
    if (isJoined() && !context.stored.isComplete) control?.want(0, priority(), readAt())
  }

  /** Tells that a piece came from a parent, assigned or not. */
  report(index: number, { parent, durationMs }: FetchedPiece): void {
    const { context, control, onPiece } = this.#options
    onPiece()
    control?.pieceDone(index, parent, rangeOfPiece(context.stored, index).length, durationMs)
  }

  #fetched(index: number, digest: Sha256, durationMs: number): void {
    const { context, control, onPiece } = this.#options
    onPiece()
    control?.pieceStored(index, digest)
    control?.pieceDone(index, ORIGIN_PEER, rangeOfPiece(context.stored, index).length, durationMs)
    this.#wantNext()
  }

  #failed(index: number, parent: PeerId | typeof ORIGIN_PEER, error: DamselflyError): void {
    if (isDiskTrouble(error)) return this.#options.onDiskTrouble(error)
    if (parent === ORIGIN_PEER && (isFinal(error) || isSpoiled(error))) return this.#options.onOriginTrouble(error)
    this.#options.control?.pieceFailed(index, parent, error)
    this.#wantNext()
  }

  #needless(index: number, parent: PeerId | typeof ORIGIN_PEER): void {
    const { context, control } = this.#options
    const digest = context.stored.digest(index)
    if (digest !== undefined) control?.pieceStored(index, digest)
    control?.pieceFailed(index, parent, new DamselflyError('CANCELLED', `piece ${index} is here already`))
    this.#wantNext()
  }

  #wantNext(): void {
    this.#open--
    this.#wantMore()
  }

  #wantMore(): void {
    const { context, control, mostRate, isJoined, priority, readAt } = this.#options
    if (control === undefined || !isJoined() || context.stored.isComplete) return
    const pieceSize = context.stored.layout?.pieceSize ?? context.stored.record.pieceSize
    const count = atOnce(control.window(), mostRate(), pieceSize) - this.#open
    if (count <= 0) return
    this.#open += count
    control.want(count, priority(), readAt())
  }
}
