import type { TaskRank, TaskSummary } from '../piece-store.ts'
import { MOST_BYTES } from '../table/task-ranks.ts'

/** Below this, tasks count as idle for equally long; milliseconds. */
const SHORTEST_IDLE = 60_000

/**
 * Those go first that have been idle longest. Among those that have been so for about as long, within a factor of two, the
 * largest first, so that few have to go.
 *
 * @param now milliseconds since 1970
 */
export function evictionRanks(now: number): readonly TaskRank[] {
  return [longestIdle(now), MOST_BYTES, EARLIEST_USE]
}

/** How often idle time has doubled, the most first. */
function longestIdle(now: number): TaskRank {
  const doublings = (lastUsedAt: number): number => {
    const idle = Math.max(now - lastUsedAt, SHORTEST_IDLE)
    const high = Math.floor(idle / 2 ** 32)
    return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(idle)
  }
  return {
    of: ({ lastUsedAt }) => -doublings(lastUsedAt),
    fill: ({ lastUsedAt }, start, ranks) => {
      for (let i = 0; i < ranks.length; i++) ranks[i] = -doublings(lastUsedAt[start + i] as number)
    },
  }
}

const EARLIEST_USE: TaskRank = {
  of: ({ lastUsedAt }: TaskSummary) => lastUsedAt,
  fill: ({ lastUsedAt }, start, ranks) => {
    for (let i = 0; i < ranks.length; i++) ranks[i] = lastUsedAt[start + i] as number
  },
}
