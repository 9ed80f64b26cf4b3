export interface Page<T> {
  readonly items: readonly T[]
  /** The key after which the next page begins; null on the last one. */
  readonly next: string | null
}

/** Keys are looked at in batches of so many pages, so that a page of a long list costs one pass and little memory. */
const BATCH = 8

/** Part of a list in the order of its keys, so that pages stay in step while the list changes. */
export function pageOf<T>(items: Iterable<T>, keyOf: (item: T) => string, after: string | undefined, limit: number): Page<T> {
  const first = new FirstOf<T>(limit + 1)
  for (const item of items) {
    const key = keyOf(item)
    if (after === undefined || key > after) first.offer(key, item)
  }
  const found = first.take()
  const page = found.slice(0, limit)
  return { items: page.map(({ item }) => item), next: found.length > limit ? (page.at(-1)?.key ?? null) : null }
}

interface Entry<T> {
  readonly key: string
  readonly item: T
}

/** Keeps those with the smallest keys. */
class FirstOf<T> {
  readonly #count: number
  #entries: Entry<T>[] = []
  /** Larger keys are among the first no more. */
  #most: string | undefined

  constructor(count: number) {
    this.#count = count
  }

  offer(key: string, item: T): void {
    if (this.#most !== undefined && key >= this.#most) return
    this.#entries.push({ key, item })
    if (this.#entries.length >= BATCH * this.#count) this.#most = this.take().at(-1)?.key
  }

  take(): readonly Entry<T>[] {
    this.#entries = this.#entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)).slice(0, this.#count)
    return this.#entries
  }
}
