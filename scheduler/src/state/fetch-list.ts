import type { Assignment } from './member.ts'

/** What is under way to one child, the oldest first, linked by the assignments themselves: mostly a few, and there is a list for each child in each task. */
export class FetchList implements Iterable<Assignment> {
  #first: Assignment | undefined
  #count = 0

  get count(): number {
    return this.#count
  }

  /** The assignment that brings this piece. */
  of(piece: number): Assignment | undefined {
    let fetch = this.#first
    while (fetch !== undefined && fetch.piece !== piece) fetch = fetch.nextFetch
    return fetch
  }

  add(fetch: Assignment): void {
    if (this.#first === undefined) this.#first = fetch
    else this.#before(undefined).nextFetch = fetch
    this.#count++
  }

  /** @param fetch that is in the list */
  delete(fetch: Assignment): void {
    if (this.#first === fetch) this.#first = fetch.nextFetch
    else this.#before(fetch).nextFetch = fetch.nextFetch
    fetch.nextFetch = undefined
    this.#count--
  }

  /** @param fetch undefined: the end */
  #before(fetch: Assignment | undefined): Assignment {
    let before = this.#first as Assignment
    while (before.nextFetch !== fetch) before = before.nextFetch as Assignment
    return before
  }

  /** Each may be taken out when it is met. */
  *[Symbol.iterator](): Generator<Assignment> {
    let fetch = this.#first
    while (fetch !== undefined) {
      const next: Assignment | undefined = fetch.nextFetch
      yield fetch
      fetch = next
    }
  }
}
