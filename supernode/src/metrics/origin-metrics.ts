import type { CdnStats, OriginTraffic } from '@damselfly/cdn'
import { readMetrics, type Registry } from '@damselfly/shared/metrics'

/** Shows how the CDN deals with its origins. */
export function exposeOrigins(registry: Registry, stats: () => CdnStats, traffic: () => OriginTraffic): void {
  const { gauge, counter } = readMetrics(registry)
  counter('damselfly_cdn_fetches_total', 'Fetches from origins that were begun', () => stats().fetchesStarted)
  counter('damselfly_cdn_fetches_failed_total', 'Fetches from origins that failed', () => sum(stats().fetchesFailed.values()))
  counter('damselfly_cdn_fetch_retries_total', 'Tries after a passing failure of an origin', () => stats().retries)
  counter('damselfly_cdn_fetch_restarts_total', 'Fetches that began anew because the content had changed', () => stats().restarts)
  counter('damselfly_cdn_access_questions_total', 'Questions to origins whether a caller may have a private content', () => stats().accessProbes)
  counter('damselfly_cdn_revalidated_same_total', 'Held contents that their origin was asked about and still serves', () => stats().revalidatedSame)
  counter('damselfly_cdn_revalidated_changed_total', 'The same that were not shown to be what it serves', () => stats().revalidatedChanged)
  counter('damselfly_cdn_revalidations_failed_total', 'The same of which it did not say', () => stats().revalidationsFailed)
  counter('damselfly_cdn_stale_total', 'Times that a content was handed out although its origin failed to confirm it', () => stats().staleHandedOut)
  counter('damselfly_origin_requests_total', 'Requests to origins', () => traffic().requests)
  counter('damselfly_origin_pauses_total', 'Times that an origin asked to be left alone', () => traffic().pauses)
  counter('damselfly_origin_refused_total', 'Requests that were not made because the origin is to be left alone', () => traffic().refused)
  gauge('damselfly_origin_waiting', 'Requests to origins that wait for others to end', () => traffic().waiting)
}

function sum(counts: Iterable<number>): number {
  let total = 0
  for (const count of counts) total += count
  return total
}
