import { Bitset, digestsEqual, DamselflyError, PieceLayout, SHA256_BYTES, type Sha256, type TaskId } from '@damselfly/shared'
import { toNumber, type Announce } from '@damselfly/shared/wire'
import type { ContentSpec, OriginValidators } from '@damselfly/cdn'
import { readSpec, readTaskId, readDigest } from './peer-words.ts'

/** What a peer says it holds of one task. */
export interface Announcement {
  readonly spec: ContentSpec
  readonly layout: PieceLayout
  /** The pieces that it holds, with the digests that it has for them. */
  readonly pieces: readonly (readonly [index: number, digest: Sha256])[]
  /** Not verified yet. */
  readonly signedManifest: Uint8Array | undefined
  readonly validators: OriginValidators
  readonly contentDigest: Sha256 | undefined
  readonly isPrivate: boolean
}

const NO_DIGEST = new Uint8Array(SHA256_BYTES)

/** @throws DamselflyError PROTOCOL, USAGE, URL_REFUSED */
export function readAnnouncement(announce: Announce): Announcement {
  const spec = readSpec(announce.spec)
  const taskId: TaskId = readTaskId(announce.taskId)
  if (spec.taskId !== taskId) throw new DamselflyError('PROTOCOL', 'the task id does not belong to the specification')
  const layout = readLayout(announce)
  if (announce.pieceDigests.length !== layout.pieceCount * SHA256_BYTES) {
    throw new DamselflyError('PROTOCOL', `${announce.pieceDigests.length} bytes of digests for ${layout.pieceCount} pieces`)
  }
  return {
    spec,
    layout,
    pieces: readPieces(announce, layout.pieceCount),
    signedManifest: announce.signedManifest.length === 0 ? undefined : announce.signedManifest.slice(),
    validators: { etag: announce.validators?.etag ?? '', lastModified: announce.validators?.lastModified ?? '' },
    contentDigest: announce.contentDigest.length === 0 ? undefined : readDigest(announce.contentDigest),
    isPrivate: announce.privateContent,
  }
}

function readLayout({ contentLength, pieceSize }: Announce): PieceLayout {
  try {
    return new PieceLayout(toNumber(contentLength, 'content length'), pieceSize)
  } catch (error) {
    throw new DamselflyError('PROTOCOL', 'an impossible length or piece size', { cause: error })
  }
}

function readPieces({ have, pieceDigests }: Announce, pieceCount: number): (readonly [number, Sha256])[] {
  // One copy for all: views would keep the whole frame in memory.
  const digests = pieceDigests.slice()
  return [...Bitset.fromBytes(have, pieceCount).members()].flatMap((index) => {
    const digest = digests.subarray(index * SHA256_BYTES, (index + 1) * SHA256_BYTES)
    return digestsEqual(digest, NO_DIGEST) ? [] : [[index, digest] as const]
  })
}
