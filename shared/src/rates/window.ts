/** What any window of this length may bring at most is what a limit promises; milliseconds. */
const WINDOW_MS = 2000

/** Of the rate, in a window; below the 5% that are promised. */
const MOST = 1.04

/** The window is counted in so many parts. */
const SLOTS = 40
const SLOT_MS = WINDOW_MS / SLOTS

/**
 * How much passed in the last two seconds. The oldest part counts until all of it lies further back, so that no two
 * seconds, wherever they begin, bring more than the most.
 */
export class Window {
  /** Bytes by slot of time; one more than fit, for the one that is only partly past. */
  readonly #slots = new Float64Array(SLOTS + 1)
  #sum = 0
  /** Number of the slot that is being filled, counted from the start of the clock. */
  #current = 0

  /** How long until so many bytes may pass under this rate, as far as the window goes; milliseconds, 0: now. */
  waitFor(bytes: number, rate: number, now: number): number {
    this.#moveTo(now)
    let excess = this.#sum + bytes - ((rate * WINDOW_MS) / 1000) * MOST
    if (excess <= 0 || this.#sum === 0) return 0
    for (let slot = this.#current - SLOTS; slot <= this.#current; slot++) {
      excess -= this.#slots[this.#place(slot)] ?? 0
      if (excess <= 0) return (slot + SLOTS + 1) * SLOT_MS - now
    }
    return WINDOW_MS
  }

  count(bytes: number, now: number): void {
    this.#moveTo(now)
    const place = this.#place(this.#current)
    this.#slots[place] = (this.#slots[place] ?? 0) + bytes
    this.#sum += bytes
  }

  clear(): void {
    this.#slots.fill(0)
    this.#sum = 0
  }

  #moveTo(now: number): void {
    const slot = Math.floor(now / SLOT_MS)
    if (slot - this.#current > SLOTS) this.clear()
    for (let next = Math.max(this.#current + 1, slot - SLOTS); next <= slot; next++) {
      const place = this.#place(next)
      this.#sum -= this.#slots[place] ?? 0
      this.#slots[place] = 0
    }
    this.#current = Math.max(this.#current, slot)
  }

  #place(slot: number): number {
    return ((slot % (SLOTS + 1)) + SLOTS + 1) % (SLOTS + 1)
  }
}
