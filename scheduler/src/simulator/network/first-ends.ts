import type { Link } from './link.ts'

/** Links in the order in which the first of their flows ends; a heap in which each link knows its place. */
export class FirstEnds {
  readonly #heap: Link[] = []

  get first(): Link | undefined {
    return this.#heap[0]
  }

  /** The link's time has changed; one without any leaves the queue. */
  update(link: Link, firstEnd: number): void {
    link.firstEnd = firstEnd
    if (firstEnd === Infinity) return this.#delete(link)
    if (link.queuePlace < 0) {
      link.queuePlace = this.#heap.length
      this.#heap.push(link)
    }
    this.#up(link)
    this.#down(link)
  }

  #delete(link: Link): void {
    const place = link.queuePlace
    if (place < 0) return
    link.queuePlace = -1
    const last = this.#heap.pop() as Link
    if (last === link) return
    this.#put(last, place)
    this.#up(last)
    this.#down(last)
  }

  #up(link: Link): void {
    let place = link.queuePlace
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#heap[above] as Link
      if (parent.firstEnd <= link.firstEnd) break
      this.#put(parent, place)
      place = above
    }
    this.#put(link, place)
  }

  #down(link: Link): void {
    const heap = this.#heap
    let place = link.queuePlace
    for (;;) {
      let below = 2 * place + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && (heap[below + 1] as Link).firstEnd < (heap[below] as Link).firstEnd) below++
      const child = heap[below] as Link
      if (child.firstEnd >= link.firstEnd) break
      this.#put(child, place)
      place = below
    }
    this.#put(link, place)
  }

  #put(link: Link, place: number): void {
    this.#heap[place] = link
    link.queuePlace = place
  }
}
