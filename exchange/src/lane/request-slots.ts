import type { PeerId } from '@damselfly/shared'

/** The least that one child may have open, if nobody else has any. */
const LEAST_OF_ONE = 64

/** One child may have this part of all. */
const PART_OF_ONE = 1 / 8

/**
 * Shares out how many requests may be open at once. Where all are taken, a child that has fewer than its even share still
 * gets one, so that children which ask and do not read cannot shut the others out.
 */
export class RequestSlots {
  readonly #limit: number
  readonly #ofOne: number
  readonly #open = new Map<PeerId, number>()
  #count = 0

  /** @param limit requests; up to twice as many while some hold more than their share */
  constructor(limit: number) {
    this.#limit = limit
    this.#ofOne = Math.max(LEAST_OF_ONE, Math.floor(limit * PART_OF_ONE))
  }

  get open(): number {
    return this.#count
  }

  /** @returns false when the child is to be refused */
  take(child: PeerId): boolean {
    const own = this.#open.get(child) ?? 0
    if (!this.#mayOpen(own)) return false
    this.#open.set(child, own + 1)
    this.#count++
    return true
  }

  give(child: PeerId): void {
    const left = (this.#open.get(child) ?? 1) - 1
    if (left > 0) this.#open.set(child, left)
    else this.#open.delete(child)
    this.#count--
  }

  #mayOpen(own: number): boolean {
    if (own >= this.#ofOne) return false
    if (this.#count < this.#limit) return true
    const children = this.#open.size + (own === 0 ? 1 : 0)
    return this.#count < 2 * this.#limit && own < this.#limit / children
  }
}
