import { systemClock } from '@damselfly/shared'

/** Any of these must keep to the limit; milliseconds. */
const WINDOW_MS = 2000

/** How often it is seen whether this process gets the processor; milliseconds. */
const BEAT_MS = 10

/** A longer pause than this is not the limiter's fault, and is longer than what it makes up for; milliseconds. */
const STALL_MS = 50

interface Sample {
  readonly at: number
  /** All bytes up to then. */
  readonly bytes: number
}

export interface Extremes {
  /** Bytes per second in the window that got the least, of those in which the process was never stalled. */
  readonly least: number
  /** Bytes per second in the window that got the most. */
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
      const rate = (((samples[end]?.bytes ?? 0) - bytes) / WINDOW_MS) * 1000
      rates.push({ rate, isDisturbed: this.#stalls.some((stall) => stall.to > at && stall.from < at + WINDOW_MS) })
    }
    const undisturbed = rates.filter(({ isDisturbed }) => !isDisturbed)
    return {
      least: Math.min(...undisturbed.map(({ rate }) => rate)),
      most: Math.max(...rates.map(({ rate }) => rate)),
      undisturbed: undisturbed.length,
    }
  }

  #beat(): void {
    const now = systemClock.now()
    if (now - this.#beatAt > STALL_MS) this.#stalls.push({ from: this.#beatAt, to: now })
    this.#beatAt = now
  }
}
