const MIB = 1024 * 1024

/** Below this a per-piece message costs more than it spreads; bytes. */
export const MIN_PIECE_SIZE: number = MIB / 4

/** Above this a piece is late to share and dear to repeat; bytes. */
export const MAX_PIECE_SIZE: number = 16 * MIB

/** For contents whose length is not known at the start; bytes. */
export const DEFAULT_PIECE_SIZE: number = 4 * MIB

/** Enough pieces for the discrete bound of a broadcast to come close to the fluid one. */
const TARGET_PIECES = 256

/** The upper bound of pieces in one task, so that bitsets and digest lists stay small. */
export const MAX_PIECES: number = 1 << 20

/** Where one piece lies in its content; bytes. */
export interface PieceRange {
  readonly index: number
  readonly offset: number
  readonly length: number
}

/** How a content of known length is cut into pieces. An empty content has no pieces. */
export class PieceLayout {
  /** Bytes. */
  readonly contentLength: number
  /** Bytes; the last piece may be shorter. */
  readonly pieceSize: number
  readonly pieceCount: number

  /** @throws RangeError on a negative or unsafe length, a piece size below 1, or too many pieces. */
  constructor(contentLength: number, pieceSize: number) {
    if (!Number.isSafeInteger(contentLength) || contentLength < 0) {
      throw new RangeError(`a content length of ${contentLength} bytes is not possible`)
    }
    if (!Number.isSafeInteger(pieceSize) || pieceSize < 1) {
      throw new RangeError(`a piece size of ${pieceSize} bytes is not possible`)
    }
    this.contentLength = contentLength
    this.pieceSize = pieceSize
    this.pieceCount = Math.ceil(contentLength / pieceSize)
    if (this.pieceCount > MAX_PIECES) {
      throw new RangeError(`${contentLength} bytes in pieces of ${pieceSize} are more than ${MAX_PIECES} pieces`)
    }
  }

  /** @throws RangeError when there is no such piece. */
  piece(index: number): PieceRange {
    if (!Number.isInteger(index) || index < 0 || index >= this.pieceCount) {
      throw new RangeError(`there is no piece ${index} among ${this.pieceCount}`)
    }
    const offset = index * this.pieceSize
    return { index, offset, length: Math.min(this.pieceSize, this.contentLength - offset) }
  }
}

/** The piece size for a content of `contentLength` bytes: a power of two that gives about 256 pieces. */
export function pieceSizeFor(contentLength: number | undefined): number {
  if (contentLength === undefined) return DEFAULT_PIECE_SIZE
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, contentLength / TARGET_PIECES)))
  let size = Math.min(MAX_PIECE_SIZE, Math.max(MIN_PIECE_SIZE, wanted))
  // Only contents past 16 TiB need more than the largest piece size; they get as few pieces as are allowed.
  while (Math.ceil(contentLength / size) > MAX_PIECES) size *= 2
  return size
}
