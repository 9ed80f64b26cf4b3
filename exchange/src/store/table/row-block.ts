import type { TaskRank } from '../piece-store.ts'
import type { TaskRows } from './first-tasks.ts'

/** Rows that are looked at one after the other, since what lies together is read faster. */
export const BLOCK = 256

const EVERY_OFFSET = Uint16Array.from({ length: BLOCK }, (_, offset) => offset)

/**
 * What decides about the order of some rows that follow each other, as plain numbers: their ranks and the first bits of their ids.
 * Of a million rows nearly all are passed over by these, a column after the other, in some nanoseconds each.
 */
export class RowBlock {
  readonly #rows: TaskRows
  readonly #ranks: readonly (TaskRank | undefined)[]
  readonly #columns: readonly Float64Array[]
  readonly #chosen = new Uint16Array(BLOCK)
  #start = 0
  #count = 0
  /** Columns that are those of this block; what decides later is seldom needed. */
  #filled = 0

  constructor(rows: TaskRows, ranks: readonly TaskRank[]) {
    this.#rows = rows
    this.#ranks = [...ranks, undefined]
    this.#columns = this.#ranks.map(() => new Float64Array(BLOCK))
  }

  moveTo(start: number, count: number): void {
    this.#start = start
    this.#count = count
    this.#filled = 0
  }

  /**
   * @param last what has more than this in front is not wanted
   * @param after what has less than this in front neither; undefined: there is no such bound
   * @returns offsets of rows that may be wanted, in their order; valid until the next call
   */
  choose(last: readonly number[], after: readonly number[] | undefined): Uint16Array {
    this.#chosen.set(EVERY_OFFSET)
    let count = this.#count
    let isNearLast = true
    let isNearAfter = after !== undefined
    for (let number = 0; number < this.#columns.length && (isNearLast || isNearAfter); number++) {
      const column = this.#column(number)
      const most = isNearLast ? (last[number] ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
      const least = isNearAfter ? (after?.[number] ?? Number.NEGATIVE_INFINITY) : Number.NEGATIVE_INFINITY
      count = this.#keepBetween(column, count, least, most)
      const sameAsLast: number = isNearLast ? this.#countOf(column, count, most) : 0
      const sameAsAfter: number = isNearAfter ? this.#countOf(column, count, least) : 0
      // Where the next column decides for some rows only, each is looked at by itself.
      if (sameAsLast % count > 0 || sameAsAfter % count > 0) return this.#chooseEach(count, last, after)
      isNearLast = sameAsLast > 0
      isNearAfter = sameAsAfter > 0
    }
    return this.#chosen.subarray(0, count)
  }

  keys(offset: number): readonly number[] {
    return this.#columns.map((_, number) => this.#column(number)[offset] as number)
  }

  /** Of the first `count` chosen rows. @returns how many are left */
  #keepBetween(column: Float64Array, count: number, least: number, most: number): number {
    const chosen = this.#chosen
    let kept = 0
    for (let i = 0; i < count; i++) {
      const offset = chosen[i] as number
      const value = column[offset] as number
      chosen[kept] = offset
      // Without a branch: half of the ids are on either side of where a page begins, which no processor foretells.
      kept += Number(value <= most) & Number(value >= least)
    }
    return kept
  }

  #countOf(column: Float64Array, count: number, wanted: number): number {
    const chosen = this.#chosen
    let found = 0
    for (let i = 0; i < count; i++) found += Number(column[chosen[i] as number] === wanted)
    return found
  }

  #chooseEach(count: number, last: readonly number[], after: readonly number[] | undefined): Uint16Array {
    return this.#chosen.subarray(0, count).filter((offset) => this.#compare(offset, last) <= 0 && (after === undefined || this.#compare(offset, after) >= 0))
  }

  #compare(offset: number, keys: readonly number[]): number {
    for (let number = 0; number < this.#columns.length; number++) {
      const own = this.#column(number)[offset] as number
      const other = keys[number] ?? Number.POSITIVE_INFINITY
      if (own !== other) return own > other ? 1 : -1
    }
    return 0
  }

  #column(number: number): Float64Array {
    const column = this.#columns[number] as Float64Array
    for (; this.#filled <= number; this.#filled++) {
      const next = (this.#columns[this.#filled] as Float64Array).subarray(0, this.#count)
      this.#rows.fill(this.#ranks[this.#filled], this.#start, next)
    }
    return column
  }
}
