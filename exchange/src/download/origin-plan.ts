import type { PieceLayout } from '@damselfly/shared'

/** One request to the origin covers about this much, so that its overhead does not count; bytes. */
export const RUN_BYTES: number = 16 * 1024 * 1024

/** Pieces `first` to `last`, all missing, next to each other. */
export interface PieceRun {
  readonly first: number
  readonly last: number
}

/**
 * The next pieces to ask the origin for.
 *
 * @param isOpen whether the piece is missing and nobody is fetching it
 */
export function nextRun(layout: PieceLayout, isOpen: (index: number) => boolean): PieceRun | undefined {
  const most = Math.max(1, Math.floor(RUN_BYTES / layout.pieceSize))
  for (let first = 0; first < layout.pieceCount; first++) {
    if (!isOpen(first)) continue
    let last = first
    while (last + 1 < layout.pieceCount && last - first + 1 < most && isOpen(last + 1)) last++
    return { first, last }
  }
  return undefined
}
