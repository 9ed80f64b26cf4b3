import type { TaskId } from '@damselfly/shared'

/** A task that may go. */
export interface Candidate {
  readonly taskId: TaskId
  /** Of its verified pieces. */
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly lastUsedAt: number
}

/** Below this, tasks count as idle for equally long; milliseconds. */
const SHORTEST_IDLE = 60_000

/**
 * Those that have been idle longest first. Among those that have been so for about as long, within a factor of two, the
 * largest first, so that few have to go.
 *
 * @param now milliseconds since 1970
 */
export function evictionOrder<T extends Candidate>(candidates: readonly T[], now: number): T[] {
  const age = ({ lastUsedAt }: Candidate): number => Math.floor(Math.log2(Math.max(now - lastUsedAt, SHORTEST_IDLE)))
  return candidates.toSorted((a, b) => age(b) - age(a) || b.bytes - a.bytes || a.lastUsedAt - b.lastUsedAt)
}
