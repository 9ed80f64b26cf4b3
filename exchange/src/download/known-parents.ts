import { isDamselflyError, toDamselflyError, type Sha256 } from '@damselfly/shared'
import type { ParentInfo } from '../control/task-control.ts'
import { fetchToStore, type FetchedPiece, type PieceFetchContext } from './piece-fetch.ts'
import { isDiskTrouble } from './refusals.ts'
import { rangeOfPiece } from './stored-content.ts'

/** Requests in flight to one parent, enough to keep its link full. */
const PIPELINE = 4

/** After so many failures in a row that are no refusals, a parent is left alone. */
const MOST_FAILURES = 3

export interface KnownParentsOptions {
  readonly context: PieceFetchContext
  readonly parents: readonly ParentInfo[]
  /** Digests that the supernode gave before it went away; without one a piece cannot be trusted. */
  readonly digests: ReadonlyMap<number, Sha256>
  /** A piece that an assignment brings. */
  readonly isElsewhere: (index: number) => boolean
  /** Where to begin, so that peers in the same position do not all ask for the same piece first; in [0, 1). */
  readonly random: () => number
  readonly onFetched: (index: number, result: FetchedPiece) => void
  /** Lets the pieces under way end and asks for no more. */
  readonly stop: AbortSignal
  readonly signal: AbortSignal
}

/**
 * Without a supernode: asks the parents that are known for every missing piece whose digest is known,
 * until all are here or no parent has any more. Resolves then; what is still missing must come from elsewhere.
 *
 * @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED; the signal's reason
 */
export async function fetchFromKnownParents(options: KnownParentsOptions): Promise<void> {
  const { context, digests, parents } = options
  const inFlight = new Set<number>()
  const helpers = parents.map((parent) => new KnownParent(options, parent, inFlight))
  // Again as long as it helps: what one parent failed to bring, another that had passed it over may have.
  for (let before = -1; before < context.stored.verifiedBytes; ) {
    before = context.stored.verifiedBytes
    const missing = [...digests.keys()].filter((index) => !context.stored.has(index))
    if (missing.length > 0) await Promise.all(helpers.map((helper) => helper.bring(missing)))
  }
}

class KnownParent {
  readonly #options: KnownParentsOptions
  readonly #parent: ParentInfo
  /** Pieces that any parent is bringing. */
  readonly #inFlight: Set<number>
  readonly #refused = new Set<number>()
  #failures = 0

  constructor(options: KnownParentsOptions, parent: ParentInfo, inFlight: Set<number>) {
    this.#options = options
    this.#parent = parent
    this.#inFlight = inFlight
  }

  /** Asks for each piece once, except for those that others are bringing. */
  async bring(pieces: readonly number[]): Promise<void> {
    const start = Math.floor(this.#options.random() * pieces.length)
    const rest = [...pieces.slice(start), ...pieces.slice(0, start)].values()
    await Promise.all(Array.from({ length: PIPELINE }, () => this.#work(rest)))
  }

  async #work(pieces: Iterator<number>): Promise<void> {
    const { stop, signal } = this.#options
    for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
      if (stop.aborted || this.#failures >= MOST_FAILURES) return
      if (this.#isWanted(next.value)) await this.#fetch(next.value)
      signal.throwIfAborted()
    }
  }

  #isWanted(index: number): boolean {
    const { context, isElsewhere } = this.#options
    return !context.stored.has(index) && !this.#inFlight.has(index) && !this.#refused.has(index) && !isElsewhere(index)
  }

  async #fetch(index: number): Promise<void> {
    const { context, digests, onFetched, signal } = this.#options
    this.#inFlight.add(index)
    try {
      const piece = rangeOfPiece(context.stored, index)
      const result = await fetchToStore(context, { parent: this.#parent, piece, digest: digests.get(index) as Sha256, signal })
      this.#failures = 0
      onFetched(index, result)
    } catch (error) {
      this.#failed(index, error)
    } finally {
      this.#inFlight.delete(index)
    }
  }

  #failed(index: number, error: unknown): void {
    if (isDiskTrouble(toDamselflyError(error))) throw error
    if (isDamselflyError(error, 'TASK_BUSY')) return
    this.#refused.add(index)
    if (!isDamselflyError(error, 'PIECE_REFUSED')) this.#failures++
  }
}
