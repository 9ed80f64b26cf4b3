import {
  DamselflyError,
  digestsEqual,
  sha256,
  toDamselflyError,
  type Clock,
  type PeerId,
  type PieceRange,
  type RateLimiter,
  type Sha256,
  type TaskId,
} from '@damselfly/shared'
import type { ParentInfo } from '../control/task-control.ts'
import type { Lane } from '../lane/lane.ts'
import type { StoredTask } from '../store/piece-store.ts'
import type { ParentProgress } from './parent-progress.ts'
import type { PieceDeadline } from './piece-deadline.ts'
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
  /** The download's own limit. */
  readonly limiter: RateLimiter
}

export interface FetchedPiece {
  readonly parent: PeerId
  readonly durationMs: number
}

/**
 * Fetches one piece from one parent straight into the store.
 *
 * @throws DamselflyError TIMEOUT when the parent stalls, PIECE_CORRUPT, TASK_BUSY when somebody else writes
 * the piece, what the lane throws, or the signal's reason. Nothing is recorded then.
 */
export async function fetchToStore(
  context: PieceFetchContext,
  parent: ParentInfo,
  piece: PieceRange,
  digest: Sha256,
  signal: AbortSignal,
): Promise<FetchedPiece> {
  const writer = context.stored.claim(piece.index, piece.length)
  if (writer === undefined) throw new DamselflyError('TASK_BUSY', `piece ${piece.index} is being written already`)
  let writes: Promise<void> = Promise.resolve()
  let received = 0
  const sink = (bytes: Uint8Array): Promise<void> => {
    received += bytes.length
    context.account.received(bytes.length)
    // The writer takes the bytes over before it returns, so only the order must be kept here.
    const written = writer.write(bytes)
    writes = Promise.all([writes, written]).then(() => undefined)
    // Whoever awaits `writes` hears of a failure; the one who is only slowed down need not.
    writes.catch(() => undefined)
    return written.catch(() => undefined)
  }
  try {
    const durationMs = await transfer(context, parent, piece, sink, signal)
    await writes
    await writer.commit(digest)
    context.account.settled(received, parent.isCdn ? 'cdn' : 'peers')
    return { parent: parent.peer, durationMs }
  } catch (error) {
    context.account.settled(received, undefined)
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
  parent: ParentInfo,
  piece: PieceRange,
  digest: Sha256,
  signal: AbortSignal,
): Promise<{ readonly bytes: Uint8Array; readonly durationMs: number }> {
  const bytes = Buffer.allocUnsafeSlow(piece.length)
  let filled = 0
  const durationMs = await transfer(context, parent, piece, (part) => void (filled += copyInto(bytes, filled, part)), signal)
  if (!digestsEqual(sha256(bytes), digest)) {
    throw new DamselflyError('PIECE_CORRUPT', `piece ${piece.index} from ${parent.peer} does not have its digest`)
  }
  return { bytes, durationMs }
}

function copyInto(target: Uint8Array, offset: number, part: Uint8Array): number {
  target.set(part, offset)
  return part.length
}

/** @returns how long the piece took; milliseconds */
async function transfer(
  context: PieceFetchContext,
  parent: ParentInfo,
  piece: PieceRange,
  sink: (bytes: Uint8Array) => Promise<void> | void,
  signal: AbortSignal,
): Promise<number> {
  const { clock, progress } = context
  await context.limiter.take(piece.length, signal)
  const startedAt = clock.now()
  progress.started(parent.peer, startedAt)
  const stall = watchForStall(context, parent.peer, piece.index)
  const until = AbortSignal.any([signal, stall.signal])
  try {
    const lane = await context.openLane(parent, until)
    lane.presentTicket(context.taskId, parent.signedTicket)
    const sinkAndNote = (bytes: Uint8Array): Promise<void> | void => {
      progress.received(parent.peer, bytes.length, clock.now())
      return sink(bytes)
    }
    await lane.request(context.taskId, piece, sinkAndNote, until)
  } catch (error) {
    signal.throwIfAborted()
    if (stall.signal.aborted) throw stall.signal.reason
    throw toDamselflyError(error, 'CHANNEL_CLOSED')
  } finally {
    stall.end()
  }
  const durationMs = clock.now() - startedAt
  context.deadline.measured(durationMs)
  return durationMs
}

interface StallWatch {
  readonly signal: AbortSignal
  end(): void
}

function watchForStall({ clock, deadline, progress }: PieceFetchContext, parent: PeerId, index: number): StallWatch {
  const controller = new AbortController()
  let cancel = clock.after(deadline.deadline, check)
  function check(): void {
    const left = progress.lastAt(parent) + deadline.deadline - clock.now()
    if (left > 0) cancel = clock.after(left, check)
    else controller.abort(new DamselflyError('TIMEOUT', `piece ${index}: ${parent} stalled`))
  }
  return { signal: controller.signal, end: () => cancel() }
}
