import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '@damselfly/shared'
import { canonicalName } from './registries.ts'

/** Who asks for what of a registry; the registry's answer holds for all of the repository. */
export interface Visit {
  readonly registry: string
  readonly repository: string
  /** The client's; undefined: none. */
  readonly authorization: string | undefined
}

/** Callers, repositories and registries together. */
const MOST_ENTRIES = 10_000

/** Remembers for a while who was let in, by a registry's own word. */
export class Access {
  readonly #admitted: LRUCache<string, true>

  /** @param memoryMs how long the registry's word counts; milliseconds */
  constructor(memoryMs: number, clock: Clock) {
    // A start time of 0 would mean "for ever" to the cache.
    this.#admitted = new LRUCache({ max: MOST_ENTRIES, ttl: memoryMs, ttlResolution: 0, perf: { now: () => clock.now() + 1 } })
  }

  isAdmitted(visit: Visit): boolean {
    return this.#admitted.has(keyOf(visit))
  }

  /** The registry has just shown this caller something of the repository, or refused to. */
  learn(visit: Visit, status: number): void {
    if (status >= 200 && status < 400) this.#admitted.set(keyOf(visit), true)
    else if (status === 401 || status === 403) this.#admitted.delete(keyOf(visit))
  }
}

/** No two different visits share it, and it gives no credentials away. */
function keyOf({ registry, repository, authorization }: Visit): string {
  return createHash('sha256').update(JSON.stringify([canonicalName(registry), repository, authorization ?? null])).digest('base64')
}
