import { createMemory } from '@damselfly/cdn'
import { formatDigest, type Clock, type Sha256 } from '@damselfly/shared'

/** What a registry says that a tag means. */
export interface Resolution {
  readonly digest: Sha256
  readonly contentType: string
  /** Bytes. */
  readonly contentLength: number
}

const MOST_ENTRIES = 10_000

/** Remembers for a moment what tags mean, so that many nodes' or layers' questions are few. */
export class Tags {
  readonly #known

  /** @param memoryMs how long a registry's word counts; milliseconds, 0: each request asks */
  constructor(memoryMs: number, clock: Clock) {
    this.#known = createMemory<Resolution>(MOST_ENTRIES, Math.max(memoryMs, 1), clock)
  }

  /** @param key without credentials in the clear: it stays in memory */
  get(key: string): Resolution | undefined {
    return this.#known.get(key)
  }

  set(key: string, resolution: Resolution): void {
    this.#known.set(key, resolution)
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
