import type { Collection, Collector } from '../gc/collector.ts'

/** Of a store on a disk that is never full. */
export function roomyCollector(): Pick<Collector, 'status' | 'collect' | 'totals'> {
  const totals = { collections: 0, evictedTasks: 0, evictedBytes: 0 }
  const nothing: Omit<Collection, 'isDryRun'> = {
    at: 0,
    shortage: { ofQuota: 0, ofDisk: 0 },
    evicted: [],
    freed: 0,
    kept: { pinned: 0, wanted: 0, busy: 0 },
    isEnough: true,
  }
  return {
    totals,
    status: () =>
      Promise.resolve({ limits: { quota: 0, minFreePercent: 5 }, space: { used: 0, free: 900, total: 1000 }, last: undefined, totals }),
    collect: ({ isDryRun }) => Promise.resolve({ ...nothing, isDryRun }),
  }
}
