/** A request costs a round trip, so it should bring what takes so long; seconds. */
const PORTION_SECONDS = 2

/** What one request brings at least and at most; bytes. */
const SMALLEST = 16 * 1024 * 1024
const LARGEST = 256 * 1024 * 1024

export interface FetchPace {
  /** Over all connections; bytes. */
  readonly received: number
  /** In which they were received. */
  readonly seconds: number
  readonly connections: number
  /** Of the content; bytes. */
  readonly left: number
}

/** How many bytes a connection asks for: as many as are worth a request, but near the end no more than its share. */
export function portionSize({ received, seconds, connections, left }: FetchPace): number {
  const worthwhile = (received / Math.max(seconds, 0.001) / connections) * PORTION_SECONDS
  const share = connections === 1 ? LARGEST : left / connections
  return Math.min(LARGEST, share, Math.max(SMALLEST, worthwhile))
}
