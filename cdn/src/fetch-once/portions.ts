import type { StoredTask } from '@damselfly/exchange'
import { MAX_PIECE_SIZE } from '@damselfly/shared'
import type { Gap } from './piece-sink.ts'

/** Of a content, what one request asks for: whole pieces, but for the content's last one. */
export interface Portion extends Gap {
  readonly end: number
}

/** Of a content of which nothing is known: it begins where pieces of every size do, at `position` or before. @param bytes a multiple of every piece size */
export function portionAt(position: number, bytes: number): Portion {
  const start = Math.floor(position / MAX_PIECE_SIZE) * MAX_PIECE_SIZE
  return { start, end: start + bytes }
}

/** Divides what is missing of a content among connections, so that no two ever ask for the same bytes. */
export class Portions {
  readonly #stored: Pick<StoredTask, 'have' | 'layout'>
  readonly #taken = new Set<Portion>()

  constructor(stored: Pick<StoredTask, 'have' | 'layout'>) {
    this.#stored = stored
  }

  /**
   * The first bytes that are neither here nor taken, to be given back when they are here or nobody fetches them any more.
   *
   * @param bytes no more than these, but one piece at least
   * @param from what lies before it comes last; bytes
   * @returns undefined when nothing is left to be taken
   */
  take(bytes: number, from = 0): Portion | undefined {
    const { layout } = this.#stored
    if (layout === undefined) return undefined
    const have = this.#stored.have()
    const isFree = (index: number): boolean => index < layout.pieceCount && !have.has(index) && !this.#isTaken(index * layout.pieceSize)
    const firstFrom = (index: number): number => {
      while (index < layout.pieceCount && !isFree(index)) index++
      return index
    }
    let first = firstFrom(Math.floor(from / layout.pieceSize))
    if (first >= layout.pieceCount) first = firstFrom(0)
    if (first === layout.pieceCount) return undefined
    const pieces = Math.max(1, Math.floor(bytes / layout.pieceSize))
    let next = first + 1
    while (next - first < pieces && isFree(next)) next++
    const portion = { start: first * layout.pieceSize, end: Math.min(next * layout.pieceSize, layout.contentLength) }
    this.#taken.add(portion)
    return portion
  }

  giveBack(portion: Portion): void {
    this.#taken.delete(portion)
  }

  #isTaken(position: number): boolean {
    for (const { start, end } of this.#taken) if (position >= start && position < end) return true
    return false
  }
}
