import type { TaskId } from '@damselfly/shared'

/** What is distributed as one task. */
export interface Content {
  readonly task: TaskId
  readonly pieces: number
  /** Bytes. */
  readonly pieceSize: number
}

export function bytesOf({ pieces, pieceSize }: Content): number {
  return pieces * pieceSize
}
