import {
  DamselflyError,
  digestsEqual,
  MAX_PIECES,
  merkleRoot,
  messageOf,
  PieceLayout,
  SHA256_BYTES,
  type PeerId,
  type Sha256,
} from '@damselfly/shared'
import {
  create,
  decode,
  encode,
  ManifestSchema,
  SignedManifestSchema,
  toNumber,
  type Manifest,
} from '@damselfly/shared/wire'
import type { Identity } from './identity.ts'
import { verifySignature } from './peer-id.ts'

/** The digests of the most pieces that a task may have, and room for the rest; bytes. */
export const MAX_MANIFEST_BYTES: number = MAX_PIECES * SHA256_BYTES + 64 * 1024

/** @returns an encoded SignedManifest. */
export function signManifest(identity: Identity, manifest: Manifest): Uint8Array {
  const bytes = encode(ManifestSchema, manifest)
  const signature = identity.sign('damselfly/manifest/1', bytes)
  return encode(SignedManifestSchema, create(SignedManifestSchema, { manifest: bytes, signature }))
}

/**
 * Reads an encoded SignedManifest that one of `supernodes` signed and whose parts fit together:
 * as many digests as pieces, and the Merkle root over them.
 *
 * @throws DamselflyError PROTOCOL, with what is wrong with it.
 */
export function verifyManifest(bytes: Uint8Array, supernodes: ReadonlySet<PeerId>): Manifest {
  const signed = decode(SignedManifestSchema, bytes, MAX_MANIFEST_BYTES)
  const isSigned = [...supernodes].some((supernode) =>
    verifySignature(supernode, 'damselfly/manifest/1', signed.manifest, signed.signature),
  )
  if (!isSigned) throw refused('it is not signed by the supernode')
  const manifest = decode(ManifestSchema, signed.manifest, MAX_MANIFEST_BYTES)
  if (manifest.taskId.length !== SHA256_BYTES) throw refused('its task id does not have 32 bytes')
  if (![0, SHA256_BYTES].includes(manifest.contentDigest.length)) throw refused('its content digest does not have 32 bytes')
  const digests = splitDigests(manifest.pieceDigests)
  const { pieceCount } = layoutOf(manifest)
  if (digests.length !== pieceCount) throw refused(`it has ${digests.length} digests for ${pieceCount} pieces`)
  if (!digestsEqual(merkleRoot(digests), manifest.merkleRoot)) throw refused('its Merkle root is not that of its digests')
  return manifest
}

/** SHA-256 of the whole content, if the supernode has computed it. */
export function contentDigestOf({ contentDigest }: Manifest): Sha256 | undefined {
  return contentDigest.length === 0 ? undefined : contentDigest
}

/**
 * Digests of 32 bytes each that were joined for the wire; views, not copies.
 *
 * @throws DamselflyError PROTOCOL when a part of a digest is left over.
 */
export function splitDigests(joined: Uint8Array): Sha256[] {
  if (joined.length % SHA256_BYTES !== 0) throw refused('its digests are not a multiple of 32 bytes')
  const digests: Sha256[] = []
  for (let at = 0; at < joined.length; at += SHA256_BYTES) digests.push(joined.subarray(at, at + SHA256_BYTES))
  return digests
}

function layoutOf(manifest: Manifest): PieceLayout {
  const length = toNumber(manifest.contentLength, 'a content length')
  try {
    return new PieceLayout(length, manifest.pieceSize)
  } catch (error) {
    throw refused(messageOf(error), error)
  }
}

function refused(why: string, cause?: unknown): DamselflyError {
  return new DamselflyError('PROTOCOL', `the manifest does not count: ${why}`, { cause })
}
