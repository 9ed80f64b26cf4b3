import { isDamselflyError, type PieceRange, type Sha256 } from '@damselfly/shared'
import type { ParentInfo } from '../control/task-control.ts'
import { fetchToStore, type FetchedPiece, type PieceFetchContext } from './piece-fetch.ts'

/** Requests in flight to one parent, enough to keep its link full. */
const PIPELINE = 4

/** After so many failures in a row that are no refusals, a parent is left alone. */
const MOST_FAILURES = 3

export interface KnownParentsOptions {
  readonly context: PieceFetchContext
  readonly parents: readonly ParentInfo[]
  /** Digests that the supernode gave before it went away; without one a piece cannot be trusted. */
  readonly digests: ReadonlyMap<number, Sha256>
  /** Where to begin, so that peers in the same position do not all ask for the same piece first; in [0, 1). */
  readonly random: () => number
  readonly onFetched: (index: number, result: FetchedPiece) => void
  readonly signal: AbortSignal
}

/**
 * Without a supernode: asks the parents that are known for every missing piece whose digest is known,
 * until all are here or no parent has any more. Resolves then; what is still missing must come from elsewhere.
 */
export async function fetchFromKnownParents(options: KnownParentsOptions): Promise<void> {
  const inFlight = new Set<number>()
  await Promise.all(options.parents.map((parent) => drainParent(options, parent, inFlight)))
}

async function drainParent(options: KnownParentsOptions, parent: ParentInfo, inFlight: Set<number>): Promise<void> {
  const { context, digests, signal } = options
  const refused = new Set<number>()
  let failures = 0
  const worker = async (): Promise<void> => {
    while (!signal.aborted && failures < MOST_FAILURES) {
      const next = nextPiece(options, (index) => refused.has(index) || inFlight.has(index))
      if (next === undefined) return
      inFlight.add(next.index)
      try {
        const result = await fetchToStore(context, parent, next, digests.get(next.index) as Sha256, signal)
        failures = 0
        options.onFetched(next.index, result)
      } catch (error) {
        refused.add(next.index)
        if (!isDamselflyError(error, 'PIECE_REFUSED') && !isDamselflyError(error, 'TASK_BUSY')) failures++
      } finally {
        inFlight.delete(next.index)
      }
    }
  }
  await Promise.all(Array.from({ length: PIPELINE }, worker))
}

function nextPiece(
  { context: { stored }, digests, random }: KnownParentsOptions,
  isExcluded: (index: number) => boolean,
): PieceRange | undefined {
  const candidates: number[] = []
  for (const index of digests.keys()) if (!stored.has(index) && !isExcluded(index)) candidates.push(index)
  const index = candidates[Math.floor(random() * candidates.length)]
  if (index === undefined) return undefined
  return stored.layout?.piece(index) ?? { index, offset: index * stored.record.pieceSize, length: stored.record.pieceSize }
}
