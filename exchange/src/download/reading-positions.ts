/** One who reads a content in order while it arrives. */
export interface ReadingPosition {
  /** The piece that is waited for or read. */
  moveTo(index: number): void
  /** Idempotent. */
  end(): void
}

/** Where a reader stands: at a byte as long as the content's pieces are not known. */
interface Place {
  readonly byte: number
  readonly piece: number | undefined
}

/** Where those stand who read a content while it arrives: what they wait for is wanted first. */
export class ReadingPositions {
  readonly #places = new Map<ReadingPosition, Place>()
  #firstByte = 0
  #onBegin: (() => void) | undefined

  /** Where the last reader began; bytes. */
  get firstByte(): number {
    return this.#firstByte
  }

  get hasReaders(): boolean {
    return this.#places.size > 0
  }

  /** @param start the first byte that is read */
  begin(start: number): ReadingPosition {
    this.#firstByte = start
    const position: ReadingPosition = {
      moveTo: (piece) => void this.#places.set(position, { byte: start, piece }),
      end: () => void this.#places.delete(position),
    }
    this.#places.set(position, { byte: start, piece: undefined })
    this.#onBegin?.()
    return position
  }

  /** The piece from which on something is wanted most: that of each reader in turn, the first where there is none. @param pieceSize bytes */
  next(pieceSize: number): number {
    const [first] = this.#places
    if (first === undefined) return 0
    const [reader, { byte, piece }] = first
    this.#places.delete(reader)
    this.#places.set(reader, { byte, piece })
    return piece ?? Math.floor(byte / pieceSize)
  }

  /** Calls `listener`, and no earlier one any more, when somebody begins to read. @param listener undefined: nobody */
  tell(listener: (() => void) | undefined): void {
    this.#onBegin = listener
  }
}
