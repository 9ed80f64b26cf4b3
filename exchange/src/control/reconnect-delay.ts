/** The first wait after a lost channel; milliseconds. */
const FIRST_DELAY = 100

/** The longest wait, so that a supernode that comes back is found soon; milliseconds. */
const LONGEST_DELAY = 5_000

/** Before a peer that was not admitted asks again: somebody may admit it, but many such peers must be no burden; milliseconds. */
const REFUSED_DELAY = 20_000

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

/** @param random in [0, 1) @returns milliseconds, of which half is random */
export function refusedDelay(random: number): number {
  return REFUSED_DELAY / 2 + (REFUSED_DELAY / 2) * random
}
