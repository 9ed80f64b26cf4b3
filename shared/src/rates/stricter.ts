/** Of two limits, where 0 means none, the one that limits more. */
export function stricter(a: number, b: number): number {
  return a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b)
}
