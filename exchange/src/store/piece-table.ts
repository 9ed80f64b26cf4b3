import { Bitset, SHA256_BYTES, type Sha256 } from '@damselfly/shared'

/** Digests of the pieces that are here, packed, since many tasks are held at once. */
export class PieceTable {
  #size = 0
  #members = new Bitset(0)
  #digests = new Uint8Array(0)

  /** How many pieces are here. */
  get count(): number {
    return this.#members.count
  }

  has(index: number): boolean {
    return this.#members.has(index)
  }

  /** A copy, so that nobody can change what counts as verified. */
  digest(index: number): Sha256 | undefined {
    if (!this.has(index)) return undefined
    return this.#digests.slice(index * SHA256_BYTES, (index + 1) * SHA256_BYTES)
  }

  set(index: number, digest: Sha256): void {
    if (index >= this.#members.size) this.#grow(index + 1)
    this.#size = Math.max(this.#size, index + 1)
    this.#digests.set(digest, index * SHA256_BYTES)
    this.#members.add(index)
  }

  delete(index: number): void {
    this.#members.delete(index)
  }

  clear(): void {
    this.#members = new Bitset(this.#members.size)
  }

  members(): Generator<number> {
    return this.#members.members()
  }

  /** A copy. @param size pieces of the content; undefined: up to the highest seen. */
  toBitset(size: number | undefined): Bitset {
    return this.#members.resized(size ?? this.#size)
  }

  #grow(atLeast: number): void {
    const size = Math.max(atLeast, this.#members.size * 2)
    const digests = new Uint8Array(size * SHA256_BYTES)
    digests.set(this.#digests)
    this.#digests = digests
    this.#members = this.#members.resized(size)
  }
}
