/** Rates in bytes per millisecond, infinite without a limit. */
export interface Senders {
  readonly source: number
  readonly peers: readonly number[]
}

/**
 * The least time in which N peers can get F bytes from one source with each other's help if bytes flow like water: no
 * faster than the source can send them once, no faster than the slowest can receive, and no faster than all together can
 * send N copies (Kumar and Ross 2006). Milliseconds.
 */
export function fluidBound(bytes: number, { source, peers }: Senders, downloads: readonly number[]): number {
  const slowest = Math.min(...downloads)
  const together = peers.reduce((sum, upload) => sum + upload, source)
  return Math.max(bytes / source, bytes / slowest, (downloads.length * bytes) / together)
}

/**
 * The least time in which N peers can get M pieces if all send equally fast and a piece can be passed on only when it is
 * whole (Mundinger, Weber and Weiss 2008). Milliseconds; undefined where rates differ.
 */
export function discreteBound(bytes: number, pieces: number, { source, peers }: Senders): number | undefined {
  if (source === Infinity || peers.some((upload) => upload !== source)) return undefined
  return (bytes / source) * (1 + Math.floor(Math.log2(Math.max(1, peers.length))) / pieces)
}

/** When a peer was there, and how fast it could send meanwhile. */
export interface Presence {
  readonly from: number
  /** Infinite if it stayed. */
  readonly until: number
  readonly upload: number
}

/**
 * The least time by which those who were there could have sent so many bytes, while the source was there from the start
 * on; milliseconds.
 */
export function presenceBound(bytes: number, source: number, presences: readonly Presence[]): number {
  if (source === Infinity || presences.some(({ upload }) => upload === Infinity)) return 0
  const changes = presences
    .flatMap(({ from, until, upload }) => [{ at: from, by: upload }, { at: until, by: -upload }])
    .filter(({ at }) => at < Infinity)
    .toSorted((a, b) => a.at - b.at)
  let [now, left, rate] = [0, bytes, source]
  for (const { at, by } of changes) {
    if (rate * (at - now) >= left) break
    left -= rate * (at - now)
    now = at
    rate += by
  }
  return now + left / rate
}
