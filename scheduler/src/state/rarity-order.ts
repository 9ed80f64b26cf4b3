/** What a walk through the pieces stops at. */
export interface PieceFilter {
  accepts(piece: number): boolean
}

/**
 * All pieces sorted by how many copies they have, kept so in constant time per change:
 *
 *   order    common ... rare
 *            |c=3 |c=2    |c=1|c=0      |
 *   atLeast       [3]     [2] [1]       [0]     how many pieces have so many copies or more
 *
 * A piece that gains a copy changes places with the first one of its stretch, and the border moves past it.
 */
export class RarityOrder {
  readonly #atLeast: number[] = [0]
  #order = new Int32Array(0)
  #positions = new Int32Array(0)
  #copies = new Int32Array(0)

  get size(): number {
    return this.#atLeast[0] as number
  }

  copiesOf(piece: number): number {
    return this.#copies[piece] as number
  }

  /** Adds pieces without copies up to `size`, or takes away those past it, which must have none. */
  resize(size: number): void {
    if (size > this.#order.length) this.#grow(size)
    for (let piece = this.size; piece < size; piece++) this.#place(piece, piece)
    for (let piece = this.size - 1; piece >= size; piece--) this.#swap(piece, piece)
    this.#atLeast[0] = size
  }

  addCopy(piece: number): void {
    const more = this.copiesOf(piece) + 1
    const first = this.#atLeast[more] ?? 0
    this.#swap(piece, first)
    this.#atLeast[more] = first + 1
    this.#copies[piece] = more
  }

  dropCopy(piece: number): void {
    const copies = this.copiesOf(piece)
    const last = (this.#atLeast[copies] as number) - 1
    this.#swap(piece, last)
    this.#atLeast[copies] = last
    this.#copies[piece] = copies - 1
  }

  /**
   * The first accepted piece, from the rarest on; among equally rare ones the search begins at one by chance.
   *
   * @param fewest copies that a piece must have to be looked at
   * @param random a number in [0, 1)
   */
  rarest(filter: PieceFilter, fewest: number, random: () => number): number | undefined {
    const order = this.#order
    let end = this.#atLeast[fewest] ?? 0
    while (end > 0) {
      const copies = this.copiesOf(order[end - 1] as number)
      const begin = this.#atLeast[copies + 1] ?? 0
      const start = end - begin > 1 ? begin + Math.floor(random() * (end - begin)) : begin
      for (let at = start; at < end; at++) if (filter.accepts(order[at] as number)) return order[at]
      for (let at = begin; at < start; at++) if (filter.accepts(order[at] as number)) return order[at]
      end = begin
    }
    return undefined
  }

  #swap(piece: number, position: number): void {
    const other = this.#order[position] as number
    this.#place(other, this.#positions[piece] as number)
    this.#place(piece, position)
  }

  #place(piece: number, position: number): void {
    this.#order[position] = piece
    this.#positions[piece] = position
  }

  #grow(size: number): void {
    const capacity = Math.max(size, this.#order.length * 2)
    this.#order = grown(this.#order, capacity)
    this.#positions = grown(this.#positions, capacity)
    this.#copies = grown(this.#copies, capacity)
  }
}

function grown(numbers: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity)
  larger.set(numbers)
  return larger
}
