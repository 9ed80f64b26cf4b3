import type { OriginContent } from '@damselfly/cdn/testing'
import type { FaultKind } from './faults.ts'

/** What is wrong with all contents of the origin at a time. */
export type OriginMood = Extract<FaultKind, `origin-${string}`> | 'well'

export const ORIGIN_MOODS: Readonly<Record<OriginMood, Partial<OriginContent>>> = {
  well: {},
  'origin-cuts': { cut: { after: 1_300_000, times: Number.POSITIVE_INFINITY } },
  'origin-refuses': { status: 503, headers: { 'retry-after': '1' } },
  'origin-trickles': { trickle: { bytes: 16 * 1024, everyMs: 100 } },
  'origin-mixes-ranges': { contentRange: (first, last, total) => `bytes ${first + 1}-${last + 1}/${total + 1}` },
}

export function isOriginMood(kind: string): kind is OriginMood {
  return kind in ORIGIN_MOODS
}
