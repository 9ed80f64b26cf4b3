export interface Page<T> {
  readonly items: readonly T[]
  /** The key after which the next page begins; null on the last one. */
  readonly next: string | null
}

/** Part of a list in the order of its keys, so that pages stay in step while the list changes. */
export function pageOf<T>(items: Iterable<T>, keyOf: (item: T) => string, after: string | undefined, limit: number): Page<T> {
  const rest = [...items]
    .filter((item) => after === undefined || keyOf(item) > after)
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  return { items: page, next: rest.length > limit && last !== undefined ? keyOf(last) : null }
}
