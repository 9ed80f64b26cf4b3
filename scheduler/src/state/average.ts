/** What the newest sample weighs in a moving average. */
const NEWEST_WEIGHT = 0.2

/** Before the first sample. A number too, so that it is kept and changed in place: there are many, and each changes often. */
export const UNKNOWN: number = Number.NaN

/** An exponentially weighted moving average. */
export function blend(average: number, sample: number): number {
  return Number.isNaN(average) ? sample : average + NEWEST_WEIGHT * (sample - average)
}

/** Undefined before the first sample. */
export function known(average: number): number | undefined {
  return Number.isNaN(average) ? undefined : average
}
