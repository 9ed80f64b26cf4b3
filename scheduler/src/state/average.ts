/** What the newest sample weighs in a moving average. */
const NEWEST_WEIGHT = 0.2

/** An exponentially weighted moving average; undefined before the first sample. */
export function blend(average: number | undefined, sample: number): number {
  return average === undefined ? sample : average + NEWEST_WEIGHT * (sample - average)
}
