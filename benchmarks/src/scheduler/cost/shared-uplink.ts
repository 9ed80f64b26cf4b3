/** Something under way, and how much of its time alone it still needs; milliseconds. */
interface Upload<T> {
  readonly what: T
  left: number
}

/** What one parent sends at once shares its uplink evenly. Time never steps back; milliseconds. */
export class SharedUplink<T> {
  #uploads: Upload<T>[] = []
  #now = 0

  /** @param alone how long it takes if nothing else is sent */
  begin(what: T, alone: number, now: number): void {
    this.#pass(now)
    this.#uploads.push({ what, left: alone })
  }

  /** When the next one is through if none begins before; infinite without any. */
  nextEnd(): number {
    const least = Math.min(...this.#uploads.map(({ left }) => left))
    return this.#now + least * this.#uploads.length
  }

  /** Takes out what is through. */
  ended(now: number): readonly T[] {
    this.#pass(now)
    const ended = this.#uploads.filter(({ left }) => left <= ROUNDING)
    if (ended.length > 0) this.#uploads = this.#uploads.filter(({ left }) => left > ROUNDING)
    return ended.map(({ what }) => what)
  }

  #pass(now: number): void {
    const share = (now - this.#now) / this.#uploads.length
    this.#now = now
    for (const upload of this.#uploads) upload.left -= share
  }
}

/** Milliseconds. */
const ROUNDING = 1e-6
