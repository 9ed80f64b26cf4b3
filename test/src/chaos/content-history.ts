import { createHash } from 'node:crypto'
import { generatedContent } from '@damselfly/cdn/testing'

/** For so long a version may be handed out that the origin has replaced: what peers and the supernode ask it for no more than that often; seconds. */
export const STALE_WITHIN = 15

export type Bytes = 'right' | 'stale' | 'wrong'

/** In which differences are counted; bytes. */
const BLOCK = 64 * 1024

interface Version {
  /** Of its bytes. */
  readonly seed: number
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
    this.#versions.push({ seed, digest: createHash('sha256').update(generatedContent(this.size, seed)).digest('hex'), from })
  }

  /** What bytes with this digest are to somebody who asked for them at `from` and had them at `until`. */
  judge(digest: string, from: number, until: number): Bytes {
    const found = this.#versions.map((version, i) => ({ ...version, end: this.#versions[i + 1]?.from ?? Number.POSITIVE_INFINITY })).filter((version) => version.digest === digest)
    if (found.length === 0) return 'wrong'
    return found.some((version) => version.from <= until && from <= version.end + STALE_WITHIN) ? 'right' : 'stale'
  }

  /** In words, how bytes differ from the version that they are nearest to. */
  differenceOf(bytes: Uint8Array): string {
    const found = this.#versions.map(({ seed }, version) => ({ version, blocks: otherBlocks(bytes, generatedContent(this.size, seed)) }))
    const { version, blocks } = found.toSorted((one, other) => one.blocks.length - other.blocks.length)[0] ?? { version: 0, blocks: [] }
    const zeros = blocks.filter((block) => blockOf(bytes, block).every((byte) => byte === 0)).length
    return `${bytes.length} bytes of ${this.size}; ${blocks.length} of ${blocksIn(this.size)} blocks of 64 KiB differ from version ${version}, the first is ${blocks[0] ?? 'none'}, ${zeros} are zeros`
  }
}

function blocksIn(size: number): number {
  return Math.ceil(size / BLOCK)
}

function blockOf(bytes: Uint8Array, block: number): Uint8Array {
  return bytes.subarray(block * BLOCK, (block + 1) * BLOCK)
}

/** @returns which blocks of `wanted` are others */
function otherBlocks(bytes: Uint8Array, wanted: Uint8Array): readonly number[] {
  return Array.from({ length: blocksIn(wanted.length) }, (_, block) => block).filter((block) => Buffer.compare(blockOf(bytes, block), blockOf(wanted, block)) !== 0)
}
