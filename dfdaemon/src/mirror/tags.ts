import { createMemory } from '@damselfly/cdn'
import { formatDigest, type Clock, type Sha256 } from '@damselfly/shared'

/** What a registry says that a tag means. */
export interface Resolution {
  readonly digest: Sha256
  readonly contentType: string
  /** Bytes. */
  readonly contentLength: number
}

interface Remembered {
  readonly resolution: Resolution
  /** When the registry said so; milliseconds of the clock. */
  readonly at: number
}

const MOST_ENTRIES = 10_000

/** Remembers for a moment what tags mean, so that many nodes' or layers' questions are few. */
export class Tags {
  readonly #isFresh: boolean
  readonly #isStale: boolean
  readonly #fresh
  readonly #stale
  readonly #clock: Clock

  /**
   * @param memoryMs how long a registry's word counts; milliseconds, 0: each request asks
   * @param staleMs how long it counts while the registry fails; milliseconds, 0: not at all
   */
  constructor(memoryMs: number, staleMs: number, clock: Clock) {
    this.#isFresh = memoryMs > 0
    this.#isStale = staleMs > 0
    this.#fresh = createMemory<Remembered>(MOST_ENTRIES, Math.max(memoryMs, 1), clock)
    this.#stale = createMemory<Remembered>(MOST_ENTRIES, Math.max(staleMs, 1), clock)
    this.#clock = clock
  }

  /** @param key without credentials in the clear: it stays in memory */
  get(key: string): Resolution | undefined {
    return this.#fresh.get(key)?.resolution
  }

  /** What the registry said at last, for as long as it fails, and how old that is; milliseconds. */
  getStale(key: string): { readonly resolution: Resolution; readonly ageMs: number } | undefined {
    const known = this.#stale.get(key)
    return known === undefined ? undefined : { resolution: known.resolution, ageMs: this.#clock.now() - known.at }
  }

  set(key: string, resolution: Resolution): void {
    const remembered = { resolution, at: this.#clock.now() }
    if (this.#isFresh) this.#fresh.set(key, remembered)
    if (this.#isStale) this.#stale.set(key, remembered)
  }

  /** The registry knows it no more, or not for this caller. */
  delete(key: string): void {
    this.#stale.delete(key)
  }

  /** Somebody has just changed what some tag means. */
  askAgain(): void {
    this.#fresh.clear()
  }
}

/** What the mirror adds to an answer so that clients know what they got. */
export function resolutionHeaders({ digest, contentType, contentLength }: Resolution): Record<string, string> {
  const text = formatDigest(digest)
  return {
    'content-type': contentType,
    'content-length': String(contentLength),
    'docker-content-digest': text,
    etag: `"${text}"`,
    'docker-distribution-api-version': 'registry/2.0',
  }
}
