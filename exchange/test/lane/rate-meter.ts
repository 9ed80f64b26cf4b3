import { systemClock } from '@damselfly/shared'

/** Any of these must keep to the limit; milliseconds. */
const WINDOW_MS = 2000

/** How often it is seen whether this process gets the processor; milliseconds. */
const BEAT_MS = 10

/** A longer pause than this is not the limiter's fault, and is longer than what it makes up for; milliseconds. */
const STALL_MS = 50

/** What was sent before a pause may be read so long after it; milliseconds. */
const ECHO_MS = 1000

interface Sample {
  readonly at: number
  /** All bytes up to then. */
  readonly bytes: number
}

export interface Extremes {
  /** Bytes per second in the window that got the least, of those in which the process was never stalled. */
  readonly least: number
  /** Bytes per second in the window that got the most, which counts longer by what it or the moment before was stalled. */
  readonly most: number
  /** How many windows the least is of. */
  readonly undisturbed: number
}

/** Counts bytes with their times, and looks at every window of 2 s. */
export class RateMeter {
  readonly #samples: Sample[] = []
  readonly #stalls: { readonly from: number; readonly to: number }[] = []
  readonly #timer: NodeJS.Timeout
  #bytes = 0
  #beatAt = systemClock.now()

  constructor() {
    this.#timer = setInterval(() => this.#beat(), BEAT_MS)
  }

  get bytes(): number {
    return this.#bytes
  }

  count(bytes: number): void {
    this.#bytes += bytes
    this.#samples.push({ at: systemClock.now(), bytes: this.#bytes })
  }

  /** @param skipMs of the beginning. */
  stop(skipMs: number): Extremes {
    clearInterval(this.#timer)
    const samples = this.#samples
    const from = (samples[0]?.at ?? 0) + skipMs
    const last = samples.at(-1)?.at ?? 0
    const rates: { readonly rate: number; readonly isDisturbed: boolean }[] = []
    let end = 0
    for (const { at, bytes } of samples) {
      if (at < from || at + WINDOW_MS > last) continue
      while ((samples[end + 1]?.at ?? Number.POSITIVE_INFINITY) <= at + WINDOW_MS) end++
      const stalledMs = this.#stalledWithin(at - ECHO_MS, at + WINDOW_MS)
      const received = (samples[end]?.bytes ?? 0) - bytes
      rates.push({ rate: (received / (WINDOW_MS + stalledMs)) * 1000, isDisturbed: stalledMs > 0 })
    }
    const undisturbed = rates.filter(({ isDisturbed }) => !isDisturbed)
    return {
      least: Math.min(...undisturbed.map(({ rate }) => rate)),
      most: Math.max(...rates.map(({ rate }) => rate)),
      undisturbed: undisturbed.length,
    }
  }

  #stalledWithin(from: number, to: number): number {
    return this.#stalls.filter((stall) => stall.to > from && stall.from < to).reduce((sum, stall) => sum + stall.to - stall.from, 0)
  }

  #beat(): void {
    const now = systemClock.now()
    if (now - this.#beatAt > STALL_MS) this.#stalls.push({ from: this.#beatAt, to: now })
    this.#beatAt = now
  }
}
