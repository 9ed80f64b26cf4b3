import type { Collection } from '../gc/collection.ts'
import type { Collector } from '../gc/collector.ts'

/** Of a store on a disk that is never full. */
export function roomyCollector(): Pick<Collector, 'status' | 'collectWithin' | 'totals'> {
  const totals = { collections: 0, evictedTasks: 0, evictedBytes: 0 }
  const nothing: Omit<Collection, 'isDryRun'> = {
    at: 0,
    isRunning: false,
    shortage: { ofQuota: 0, ofDisk: 0 },
    evicted: [],
    evictedTasks: 0,
    freed: 0,
    kept: { pinned: 0, wanted: 0, busy: 0 },
    isEnough: true,
  }
  return {
    totals,
    status: () =>
      Promise.resolve({ limits: { quota: 0, minFreePercent: 5 }, space: { used: 0, free: 900, total: 1000 }, running: undefined, last: undefined, totals }),
    collectWithin: (_patienceMs, { isDryRun }) => Promise.resolve({ ...nothing, isDryRun }),
  }
}
