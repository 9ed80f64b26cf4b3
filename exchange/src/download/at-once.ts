/** What comes within this time is under way at once, so that a limit is used up wherever the parents are; seconds. */
const AHEAD_S = 0.5

/** One that comes, and one behind it. */
const LEAST = 2

/**
 * How many pieces to have under way. What a limit lets in slowly holds slots of its parents, which other downloads then lack,
 * so no more are asked for than that limit is worth.
 *
 * @param window what the supernode wishes
 * @param rate the most that may come; bytes per second, Infinity: there is no limit
 * @param pieceSize bytes
 */
export function atOnce(window: number, rate: number, pieceSize: number): number {
  return Math.min(window, Math.max(LEAST, Math.ceil((rate * AHEAD_S) / pieceSize)))
}
