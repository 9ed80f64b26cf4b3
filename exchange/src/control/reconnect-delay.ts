/** The first wait after a lost channel; milliseconds. */
const FIRST_DELAY = 100

/** The longest wait, so that a supernode that comes back is found soon; milliseconds. */
const LONGEST_DELAY = 5_000

/**
 * Exponential back-off of which half is random, so that ten thousand peers do not return in step.
 *
 * @param attempt 0 for the first try after a loss
 * @param random in [0, 1)
 * @returns milliseconds
 */
export function reconnectDelay(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 16))
  return ceiling / 2 + (ceiling / 2) * random
}
