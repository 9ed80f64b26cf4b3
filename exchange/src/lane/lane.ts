import type { PeerId, PieceRange, Priority, TaskId } from '@damselfly/shared'
import type { ChannelKind } from '../channel/channel.ts'

/**
 * Takes the bytes of one piece in order; `bytes` is only valid during the call. If it throws or rejects, its
 * request ends with that error. While a promise that it returned is pending the lane reads no further, so that
 * a slow disk slows the parent down.
 */
export type PieceBytes = (bytes: Uint8Array) => Promise<void> | void

/** What carries pieces from one parent to this child. Requests are pipelined and may answer in any order. */
export interface Lane {
  readonly kind: ChannelKind
  readonly parent: PeerId
  /** The parent's, as the channel was opened. */
  readonly host: string
  /** Bytes of pieces that came. */
  readonly receivedBytes: number
  /** How many requests are open. */
  readonly open: number
  /** Aborted, with the reason, once the lane can carry nothing more. */
  readonly closed: AbortSignal
  /** Whether this side's own limit keeps the parent waiting now. */
  readonly isHeldBack: boolean
  /** How long it has done so, in all; milliseconds. */
  readonly heldBackMs: number
  /** Shows the parent the supernode's permission; again when it is renewed. */
  presentTicket(taskId: TaskId, signedTicket: Uint8Array): void
  /**
   * Asks for one piece and resolves once exactly `piece.length` bytes were handed to `sink`
   * and it has settled. The bytes are not verified here.
   *
   * @throws DamselflyError PIECE_REFUSED, TICKET_INVALID, CHANNEL_CLOSED, PROTOCOL, the signal's reason,
   * or what `sink` threw or rejected with.
   * After it threw, `sink` is not called again.
   * @param priority of both sides' limits. @default 'foreground'
   */
  request(taskId: TaskId, piece: PieceRange, sink: PieceBytes, signal: AbortSignal, priority?: Priority): Promise<void>
  close(): Promise<void>
}
