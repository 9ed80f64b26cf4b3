import { digestsEqual, MAX_PIECES, PieceLayout, type Sha256 } from '@damselfly/shared'
import type { OriginValidators } from '@damselfly/cdn'

/** What is known of a content and can be relied on. */
export class TaskContent {
  /** Bytes; undefined until somebody knows the content. */
  pieceSize: number | undefined
  validators: OriginValidators = { etag: '', lastModified: '' }
  /** SHA-256 of the whole content, once somebody trustworthy has verified it. */
  contentDigest: Sha256 | undefined
  /** An encoded SignedManifest. */
  signedManifest: Uint8Array | undefined
  isPrivate = false
  #layout: PieceLayout | undefined
  readonly #digests: (Sha256 | undefined)[] = []
  #digestCount = 0

  /** Undefined while the length is unknown. */
  get layout(): PieceLayout | undefined {
    return this.#layout
  }

  /** @throws RangeError as PieceLayout does */
  setLength(contentLength: number, pieceSize: number): void {
    this.pieceSize = pieceSize
    this.#layout = new PieceLayout(contentLength, pieceSize)
  }

  /** Whether such a piece can exist. */
  hasPiece(index: number): boolean {
    return index < (this.#layout?.pieceCount ?? MAX_PIECES)
  }

  digest(index: number): Sha256 | undefined {
    return this.#digests[index]
  }

  get digestCount(): number {
    return this.#digestCount
  }

  /** Indexes of the pieces whose digest is known, in order. */
  knownPieces(): number[] {
    return [...this.#digests.keys()].filter((index) => this.#digests[index] !== undefined)
  }

  get hasAllDigests(): boolean {
    return this.#layout !== undefined && this.#digestCount === this.#layout.pieceCount
  }

  /** @throws RangeError while digests are missing */
  allDigests(): Sha256[] {
    if (!this.hasAllDigests) throw new RangeError('not all digests are known')
    return this.#digests as Sha256[]
  }

  /** @returns whether that was news. */
  setDigest(index: number, digest: Sha256): 'same' | 'new' | 'changed' {
    const known = this.#digests[index]
    if (known !== undefined && digestsEqual(known, digest)) return 'same'
    this.#digests[index] = digest
    if (known !== undefined) return 'changed'
    this.#digestCount++
    return 'new'
  }
}
