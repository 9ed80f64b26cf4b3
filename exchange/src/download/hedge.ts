import { DamselflyError, pause, toDamselflyError } from '@damselfly/shared'
import type { ParentInfo } from '../control/task-control.ts'
import { fetchToMemory, fetchToStore, type FetchedPiece, type PieceFetchContext, type PieceRequest } from './piece-fetch.ts'
import { isDiskTrouble } from './refusals.ts'
import { storePiece } from './stored-content.ts'

export interface HedgeOptions extends PieceRequest {
  readonly context: PieceFetchContext
  /** Parents that may have the piece too, best first. */
  readonly alternatives: () => readonly ParentInfo[]
  /** Only then is a duplicate worth its bytes. */
  readonly isEndGame: () => boolean
}

const OTHER_WON = new DamselflyError('CANCELLED', 'another parent was faster')

/**
 * Fetches one piece; near the end of a download, when it is late, from a second parent too.
 * The first that brings the right bytes wins and the other is cancelled.
 *
 * @throws what the assigned parent failed with, if no other brought the piece; the signal's reason
 */
export async function hedge(options: HedgeOptions): Promise<FetchedPiece> {
  const { context, signal } = options
  const firstAbort = new AbortController()
  const second = new SecondParent(options)
  const first = outcomeOf(
    fetchToStore(context, { ...options, signal: AbortSignal.any([signal, firstAbort.signal]) }),
  )
  // If the second has nothing to give it is the first alone that counts.
  const leader = await Promise.race<Outcome | SecondPiece>([first, second.piece.then(async (piece) => piece ?? (await first))])
  if (!('bytes' in leader)) return settleFirst(options, leader, second)
  firstAbort.abort(OTHER_WON)
  // The first writer must be out of the file before the piece is written again.
  const late = await first
  return 'result' in late ? late.result : store(options, leader)
}

type Outcome = { readonly result: FetchedPiece } | { readonly error: unknown }

function outcomeOf(fetch: Promise<FetchedPiece>): Promise<Outcome> {
  return fetch.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  )
}

/** The first parent is through; where it failed, a second that is asked already may still help. */
async function settleFirst(options: HedgeOptions, outcome: Outcome, second: SecondParent): Promise<FetchedPiece> {
  const isLost = 'result' in outcome || isDiskTrouble(toDamselflyError(outcome.error))
  if (isLost || !second.isAsked) second.cancel()
  const rescue = await second.piece
  if ('result' in outcome) return outcome.result
  if (rescue === undefined) throw outcome.error
  return store(options, rescue)
}

interface SecondPiece {
  readonly parent: ParentInfo
  readonly bytes: Uint8Array
  readonly durationMs: number
}

/** Asks others for the piece once it is late. */
class SecondParent {
  /** What another parent brought; undefined when none was asked in time or none had it. Never rejects. */
  readonly piece: Promise<SecondPiece | undefined>
  readonly #options: HedgeOptions
  readonly #abort = new AbortController()
  #isAsked = false

  constructor(options: HedgeOptions) {
    this.#options = options
    this.piece = this.#ask()
  }

  get isAsked(): boolean {
    return this.#isAsked
  }

  /** Idempotent. */
  cancel(): void {
    this.#abort.abort(OTHER_WON)
  }

  async #ask(): Promise<SecondPiece | undefined> {
    const { context, alternatives } = this.#options
    if (!(await this.#isLate())) return undefined
    // Only now, since few pieces are ever asked for twice.
    const signal = AbortSignal.any([this.#options.signal, this.#abort.signal])
    for (const parent of alternatives()) {
      this.#isAsked = true
      try {
        const { bytes, durationMs } = await fetchToMemory(context, { ...this.#options, parent, signal })
        return { parent, bytes, durationMs }
      } catch {
        if (signal.aborted) return undefined
      }
    }
    return undefined
  }

  /** Waits until the piece is late, not only held back, and the end game has begun; false once cancelled, as it is when the first ends. */
  async #isLate(): Promise<boolean> {
    const { context, isEndGame } = this.#options
    const { clock, deadline } = context
    const { signal } = this.#abort
    while (!signal.aborted) {
      await pause(clock, deadline.hedgeAfter ?? deadline.deadline / 2, signal)
      if (!signal.aborted && isEndGame() && !context.isHeldBack()) return true
    }
    return false
  }
}

async function store({ context, piece, digest }: HedgeOptions, { parent, bytes, durationMs }: SecondPiece): Promise<FetchedPiece> {
  if (!(await storePiece(context.stored, piece.index, bytes, digest))) {
    throw new DamselflyError('TASK_BUSY', `piece ${piece.index} is being written already`)
  }
  context.account.verified(bytes.length, parent.isCdn ? 'cdn' : 'peers')
  return { parent: parent.peer, durationMs }
}
