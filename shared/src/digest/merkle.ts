import type { Sha256 } from './digest.ts'
import { sha256 } from './sha256.ts'

// RFC 6962 domain separation: a leaf can never be taken for an inner node.
const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/**
 * The Merkle tree hash of RFC 6962 section 2.1 over piece digests.
 * An odd node at the end of a level moves up unchanged.
 */
export function merkleRoot(pieceDigests: readonly Sha256[]): Sha256 {
  if (pieceDigests.length === 0) return sha256()
  let level = pieceDigests.map((digest) => sha256(LEAF, digest))
  while (level.length > 1) {
    const above: Sha256[] = []
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Sha256
      const right = level[i + 1]
      above.push(right === undefined ? left : sha256(NODE, left, right))
    }
    level = above
  }
  return level[0] as Sha256
}
