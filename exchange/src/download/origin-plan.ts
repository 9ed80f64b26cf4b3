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
 * @param from the piece from which on something is wanted most; what is before it comes last
 */
export function nextRun(layout: PieceLayout, isOpen: (index: number) => boolean, from = 0): PieceRun | undefined {
  const most = Math.max(1, Math.floor(RUN_BYTES / layout.pieceSize))
  for (let step = 0; step < layout.pieceCount; step++) {
    const first = (from + step) % layout.pieceCount
    if (!isOpen(first)) continue
    let last = first
    while (last + 1 < layout.pieceCount && last - first + 1 < most && isOpen(last + 1)) last++
    return { first, last }
  }
  return undefined
}
