/**
 * Divides a rate among those who want some of it so that nobody can get more without taking from one who has less
 * (max-min fairness). What is left when all have what they want is divided evenly, so that whoever wants more later finds room.
 *
 * @param total and the demands in the same unit
 * @returns as much for each demand, in their order; they add up to the total, if there is any demand
 */
export function divideRate(total: number, demands: readonly number[]): number[] {
  const shares = demands.map(() => 0)
  let left = total
  const ascending = [...demands.entries()].toSorted(([, a], [, b]) => a - b)
  for (const [rank, [index, demand]] of ascending.entries()) {
    const share = Math.min(demand, left / (ascending.length - rank))
    shares[index] = share
    left -= share
  }
  return left > 0 ? shares.map((share) => share + left / shares.length) : shares
}
