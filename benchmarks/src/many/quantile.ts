/** The least of the samples that is no smaller than the given part of them. @param part from 0 to 1 @throws RangeError without samples */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const found = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]
  if (found === undefined) throw new RangeError('a quantile needs samples')
  return found
}
