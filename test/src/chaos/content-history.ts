import { createHash } from 'node:crypto'
import { generatedContent } from '@damselfly/cdn/testing'

/** For so long a version may be handed out that the origin has replaced: what peers and the supernode ask it for no more than that often; seconds. */
export const STALE_WITHIN = 15

export type Bytes = 'right' | 'stale' | 'wrong'

interface Version {
  /** SHA-256, in hexadecimal. */
  readonly digest: string
  /** Since when the origin has it; seconds from the start. */
  readonly from: number
}

/** A content of the origin, which may get new versions. */
export class ContentHistory {
  readonly url: string
  readonly size: number
  readonly #versions: Version[] = []

  constructor(url: string, size: number) {
    this.url = url
    this.size = size
  }

  /** How many versions there are. */
  get versions(): number {
    return this.#versions.length
  }

  /** When the newest version came; seconds from the start. */
  get changedAt(): number {
    return this.#versions.at(-1)?.from ?? 0
  }

  /** @param seed of the bytes @param from seconds from the start */
  add(seed: number, from: number): void {
    this.#versions.push({ digest: createHash('sha256').update(generatedContent(this.size, seed)).digest('hex'), from })
  }

  /** What bytes with this digest are to somebody who asked for them at `from` and had them at `until`. */
  judge(digest: string, from: number, until: number): Bytes {
    const found = this.#versions.map((version, i) => ({ ...version, end: this.#versions[i + 1]?.from ?? Number.POSITIVE_INFINITY })).filter((version) => version.digest === digest)
    if (found.length === 0) return 'wrong'
    return found.some((version) => version.from <= until && from <= version.end + STALE_WITHIN) ? 'right' : 'stale'
  }
}
