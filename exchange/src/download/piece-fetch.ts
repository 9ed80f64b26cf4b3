import {
  DamselflyError,
  digestsEqual,
  sha256,
  toDamselflyError,
  type Clock,
  type PeerId,
  type PieceRange,
  type Priority,
  type Sha256,
  type TaskId,
} from '@damselfly/shared'
import type { ParentInfo } from '../control/task-control.ts'
import type { Lane, PieceBytes } from '../lane/lane.ts'
import type { StoredTask } from '../store/piece-store.ts'
import type { ParentProgress } from './parent-progress.ts'
import type { PieceDeadline } from './piece-deadline.ts'
import { watchForStall } from './stall-watch.ts'
import type { TransferAccount } from './transfer-account.ts'

/** Opens, or shares, the lane to a parent. @throws DamselflyError PEER_UNREACHABLE, PEER_IDENTITY, or the signal's reason */
export type OpenLane = (parent: ParentInfo, signal: AbortSignal) => Promise<Lane>

export interface PieceFetchContext {
  readonly taskId: TaskId
  readonly stored: StoredTask
  readonly openLane: OpenLane
  readonly account: TransferAccount
  readonly deadline: PieceDeadline
  readonly progress: ParentProgress
  readonly clock: Clock
  /** May change while it goes on. */
  readonly priority: () => Priority
  /** Whether this side's own limits keep the download waiting now. */
  readonly isHeldBack: () => boolean
}

export interface PieceRequest {
  readonly parent: ParentInfo
  readonly piece: PieceRange
  readonly digest: Sha256
  readonly signal: AbortSignal
}

export interface FetchedPiece {
  readonly parent: PeerId
  readonly durationMs: number
}

/**
 * Fetches one piece from one parent straight into the store.
 *
 * @throws DamselflyError TIMEOUT when the parent stalls, PIECE_CORRUPT, TASK_BUSY when somebody else writes
 * the piece, what the lane or the store throws, or the signal's reason. Nothing is recorded then.
 */
export async function fetchToStore(context: PieceFetchContext, request: PieceRequest): Promise<FetchedPiece> {
  const { stored, account } = context
  const { parent, piece, digest } = request
  const writer = stored.claim(piece.index, piece.length)
  if (writer === undefined) throw new DamselflyError('TASK_BUSY', `piece ${piece.index} is being written already`)
  let received = 0
  const sink = (bytes: Uint8Array): Promise<void> | undefined => {
    received += bytes.length
    account.received(bytes.length)
    return writer.write(bytes)
  }
  try {
    const durationMs = await transfer(context, request, sink)
    await writer.commit(digest)
    account.settled(received, parent.isCdn ? 'cdn' : 'peers')
    return { parent: parent.peer, durationMs }
  } catch (error) {
    account.settled(received, undefined)
    await writer.abort()
    throw error
  }
}

/**
 * Fetches one piece from a second parent into memory, because the first is late.
 *
 * @throws as `fetchToStore`
 */
export async function fetchToMemory(
  context: PieceFetchContext,
  request: PieceRequest,
): Promise<{ readonly bytes: Uint8Array; readonly durationMs: number }> {
  const { parent, piece, digest } = request
  const bytes = Buffer.allocUnsafeSlow(piece.length)
  let filled = 0
  const durationMs = await transfer(context, request, (part) => {
    bytes.set(part, filled)
    filled += part.length
  })
  if (!digestsEqual(sha256(bytes), digest)) {
    throw new DamselflyError('PIECE_CORRUPT', `piece ${piece.index} from ${parent.peer} does not have its digest`)
  }
  return { bytes, durationMs }
}

/** @returns how long the parent took for the piece, without what this side's limits held back; milliseconds */
async function transfer(context: PieceFetchContext, request: PieceRequest, sink: PieceBytes): Promise<number> {
  const { clock, deadline } = context
  const startedAt = clock.now()
  const heldBackMs = await carry(context, request, sink)
  const durationMs = Math.max(0, clock.now() - startedAt - heldBackMs)
  deadline.measured(durationMs)
  return durationMs
}

/** @returns how long this side's limits held the lane back; milliseconds */
async function carry(context: PieceFetchContext, request: PieceRequest, sink: PieceBytes): Promise<number> {
  const { taskId, openLane, priority } = context
  const { parent, piece, signal } = request
  const stall = watchForStall(context, parent.peer, piece.index)
  const until = AbortSignal.any([signal, stall.signal])
  try {
    const lane = await openLane(parent, until)
    stall.watchLane(lane)
    lane.presentTicket(taskId, parent.signedTicket)
    const before = lane.heldBackMs
    await lane.request(taskId, piece, stall.watching(sink), until, priority())
    return lane.heldBackMs - before
  } catch (error) {
    signal.throwIfAborted()
    stall.signal.throwIfAborted()
    throw toDamselflyError(error, 'CHANNEL_CLOSED')
  } finally {
    stall.end()
  }
}
