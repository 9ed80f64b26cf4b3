/** Long enough to be calm, short enough to show a change; milliseconds. */
const WINDOW_MS = 3000

interface Sample {
  readonly at: number
  readonly bytes: number
}

/** The speed over the last seconds. */
export class SpeedMeter {
  readonly #samples: Sample[] = []

  /** @param now milliseconds on a scale that never steps back @param bytes the total so far */
  record(now: number, bytes: number): void {
    this.#samples.push({ at: now, bytes })
    while ((this.#samples[1]?.at ?? now) <= now - WINDOW_MS) this.#samples.shift()
  }

  /** Bytes per second; 0 until time has passed. */
  get bytesPerSecond(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (first === undefined || last === undefined || last.at <= first.at) return 0
    return Math.max(0, ((last.bytes - first.bytes) / (last.at - first.at)) * 1000)
  }
}
