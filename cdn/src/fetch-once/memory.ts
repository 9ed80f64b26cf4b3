import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock, HeaderMap, TaskId } from '@damselfly/shared'

/** What is remembered for a while, the least recently used forgotten first. */
export function createMemory<V extends object>(entries: number, ttlMs: number, clock: Clock): LRUCache<string, V> {
  // A start time of 0 would mean "for ever" to the cache.
  return new LRUCache<string, V>({ max: entries, ttl: ttlMs, ttlResolution: 0, perf: { now: () => clock.now() + 1 } })
}

/** A key that no two different lists of texts share, and that gives none of them away. */
export function keyOf(taskId: TaskId, url: string, credentials: HeaderMap): string {
  const hash = createHash('sha256')
  const headers = [...credentials].toSorted(([a], [b]) => (a < b ? -1 : 1))
  for (const text of [taskId, url, ...headers.flat()]) {
    const bytes = Buffer.from(text, 'utf8')
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hash.update(length).update(bytes)
  }
  return hash.digest('base64')
}
