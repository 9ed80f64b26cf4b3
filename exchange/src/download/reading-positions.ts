/** One who reads a content in order while it arrives. */
export interface ReadingPosition {
  /** The piece that is waited for or read. */
  moveTo(index: number): void
  /** Idempotent. */
  end(): void
}

/** Where those stand who read a content while it arrives: what they wait for is wanted first. */
export class ReadingPositions {
  readonly #pieces = new Map<ReadingPosition, number>()
  #firstByte = 0

  /** Where the last reader began who came before anything was known of the content; bytes. */
  get firstByte(): number {
    return this.#firstByte
  }

  /** @param start the first byte that is read */
  begin(start: number): ReadingPosition {
    this.#firstByte = start
    const position: ReadingPosition = {
      moveTo: (index) => void this.#pieces.set(position, index),
      end: () => void this.#pieces.delete(position),
    }
    return position
  }

  /** The piece from which on something is wanted most: that of each reader in turn, the first where there is none. */
  next(): number {
    const [first] = this.#pieces
    if (first === undefined) return 0
    const [reader, index] = first
    this.#pieces.delete(reader)
    this.#pieces.set(reader, index)
    return index
  }
}
