import type { TaskRank } from '../piece-store.ts'

/** What was used last comes first. */
export const LATEST_USE: TaskRank = {
  of: ({ lastUsedAt }) => -lastUsedAt,
  fill: ({ lastUsedAt }, start, ranks) => {
    for (let i = 0; i < ranks.length; i++) ranks[i] = -(lastUsedAt[start + i] as number)
  },
}

/** What takes most comes first. */
export const MOST_BYTES: TaskRank = {
  of: ({ verifiedBytes }) => -verifiedBytes,
  fill: ({ verifiedBytes }, start, ranks) => {
    for (let i = 0; i < ranks.length; i++) ranks[i] = -(verifiedBytes[start + i] as number)
  },
}

/** What was asked for most often comes first. */
export const MOST_HITS: TaskRank = {
  of: ({ uses }) => -(uses?.hits ?? 0),
  fill: ({ hits }, start, ranks) => {
    // Where nobody has counted there is no number.
    for (let i = 0; i < ranks.length; i++) ranks[i] = -(hits[start + i] as number) || 0
  },
}

/** What spared the origin most comes first. */
export const MOST_SAVED: TaskRank = {
  of: ({ uses }) => -Math.max(0, (uses?.servedBytes ?? 0) - (uses?.originBytes ?? 0)),
  fill: ({ servedBytes, originBytes }, start, ranks) => {
    for (let i = 0; i < ranks.length; i++) {
      const saved = (servedBytes[start + i] as number) - (originBytes[start + i] as number)
      ranks[i] = saved > 0 ? -saved : 0
    }
  },
}
