import { DamselflyError, pause, type PieceRange, type Sha256 } from '@damselfly/shared'
import type { ParentInfo } from '../control/task-control.ts'
import { fetchToMemory, fetchToStore, type FetchedPiece, type PieceFetchContext } from './piece-fetch.ts'
import { storePiece } from './stored-content.ts'

export interface HedgeOptions {
  readonly context: PieceFetchContext
  readonly parent: ParentInfo
  readonly piece: PieceRange
  readonly digest: Sha256
  /** Parents that may have the piece too, best first. */
  readonly alternatives: () => readonly ParentInfo[]
  /** Only then is a duplicate worth its bytes. */
  readonly isEndGame: () => boolean
  readonly signal: AbortSignal
}

const HEDGE_WON = new DamselflyError('CANCELLED', 'a second parent was faster')

/**
 * Fetches one piece; near the end of a download, when it is late, from a second parent too.
 * The first that brings the right bytes wins and the other is cancelled.
 *
 * @throws what the assigned parent failed with, if no other brought the piece; the signal's reason
 */
export async function hedge(options: HedgeOptions): Promise<FetchedPiece> {
  const { context, parent, piece, digest, signal } = options
  const primaryAbort = new AbortController()
  const hedgeAbort = new AbortController()
  const primary = fetchToStore(context, parent, piece, digest, AbortSignal.any([signal, primaryAbort.signal]))
  const second = secondAttempt(options, AbortSignal.any([signal, hedgeAbort.signal]))
  const winner = await Promise.race([
    primary.then(
      (result) => ({ from: 'primary', result }) as const,
      (error: unknown) => ({ from: 'failure', error }) as const,
    ),
    second.then((result) => (result === undefined ? new Promise<never>(() => undefined) : ({ from: 'second', result } as const))),
  ])
  if (winner.from !== 'second') {
    hedgeAbort.abort(HEDGE_WON)
    await second
    if (winner.from === 'failure') throw winner.error
    return winner.result
  }
  primaryAbort.abort(HEDGE_WON)
  // The first writer must be out of the file before the piece is written again.
  const late = await primary.catch(() => undefined)
  return late ?? store(context, winner.result, piece, digest)
}

interface SecondPiece {
  readonly parent: ParentInfo
  readonly bytes: Uint8Array
  readonly durationMs: number
}

/** Undefined when no second parent was asked in time or none had it. Never rejects. */
async function secondAttempt(options: HedgeOptions, signal: AbortSignal): Promise<SecondPiece | undefined> {
  const { context, piece, digest } = options
  if (!(await isLate(options, signal))) return undefined
  for (const parent of options.alternatives()) {
    try {
      const { bytes, durationMs } = await fetchToMemory(context, parent, piece, digest, signal)
      return { parent, bytes, durationMs }
    } catch {
      if (signal.aborted) return undefined
    }
  }
  return undefined
}

/** Waits until the piece is late and the end game has begun; false once aborted. */
async function isLate({ context, isEndGame }: HedgeOptions, signal: AbortSignal): Promise<boolean> {
  const { clock, deadline } = context
  while (!signal.aborted) {
    await pause(clock, deadline.hedgeAfter ?? deadline.deadline / 2, signal)
    if (!signal.aborted && isEndGame()) return true
  }
  return false
}

async function store(
  context: PieceFetchContext,
  { parent, bytes, durationMs }: SecondPiece,
  piece: PieceRange,
  digest: Sha256,
): Promise<FetchedPiece> {
  if (!(await storePiece(context.stored, piece.index, bytes, digest))) {
    throw new DamselflyError('TASK_BUSY', `piece ${piece.index} is being written already`)
  }
  context.account.received(bytes.length)
  context.account.settled(bytes.length, parent.isCdn ? 'cdn' : 'peers')
  return { parent: parent.peer, durationMs }
}
