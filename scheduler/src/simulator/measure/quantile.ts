/** The value that the given share of the others does not exceed; NaN without values. @param ascending sorted */
export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN
}

/** Jain's index of fairness: 1 if all are equal, 1/n if one has everything; 1 without values. */
export function jainIndex(values: readonly number[]): number {
  let sum = 0
  let squares = 0
  for (const value of values) {
    sum += value
    squares += value * value
  }
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares)
}
