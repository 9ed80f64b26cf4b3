/** Up to here a list is searched from end to end, which is faster than a set. */
const SHORT = 16

/** Each item once, in the order of coming. Mostly one or two, so that a set would cost more than it saves. */
export class WakeList<T> implements Iterable<T> {
  readonly #items: T[] = []
  #set: Set<T> | undefined

  get size(): number {
    return this.#items.length
  }

  add(item: T): void {
    if (this.#has(item)) return
    this.#items.push(item)
    this.#set?.add(item)
    if (this.#items.length === SHORT) this.#set = new Set(this.#items)
  }

  clear(): void {
    // Unlike a length of 0 that keeps the memory, which the next event needs again.
    while (this.#items.length > 0) this.#items.pop()
    this.#set = undefined
  }

  /** Also meets what is added on the way. */
  [Symbol.iterator](): Iterator<T> {
    return this.#items.values()
  }

  #has(item: T): boolean {
    return this.#set === undefined ? this.#items.includes(item) : this.#set.has(item)
  }
}
