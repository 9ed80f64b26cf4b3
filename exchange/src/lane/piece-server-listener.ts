import type { ErrorCode, PeerId, TaskId } from '@damselfly/shared'

export interface PieceServed {
  readonly child: PeerId
  readonly taskId: TaskId
  readonly index: number
  /** Bytes. */
  readonly length: number
}

/** Named hooks for metrics; they must not throw. */
export interface PieceServerListener {
  readonly pieceServed?: (piece: PieceServed) => void
  readonly pieceRefused?: (child: PeerId, code: ErrorCode) => void
  /** Handed to the channel; bytes. */
  readonly bytesSent?: (bytes: number) => void
}
