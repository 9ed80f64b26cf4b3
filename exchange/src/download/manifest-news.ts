import { isDamselflyError, taskIdFromBytes, type PeerId, type Sha256, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { toNumber } from '@damselfly/shared/wire'
import { contentDigestOf, splitDigests, verifyManifest } from '../identity/signed-manifest.ts'

/** What a signed manifest says of a content. */
export interface ManifestNews {
  readonly contentLength: number
  /** Of every piece. */
  readonly digests: readonly Sha256[]
  readonly contentDigest: Sha256 | undefined
}

/** Undefined, with a line in the log, for one that does not count. */
export function readManifest(
  signedManifest: Uint8Array,
  taskId: TaskId,
  supernode: PeerId,
  logger: Logger,
): ManifestNews | undefined {
  try {
    const manifest = verifyManifest(signedManifest, new Set([supernode]))
    if (taskIdFromBytes(manifest.taskId) !== taskId) {
      logger.warn({ task: taskId }, 'a manifest of another task was left aside')
      return undefined
    }
    return {
      contentLength: toNumber(manifest.contentLength, 'a content length'),
      digests: splitDigests(manifest.pieceDigests),
      contentDigest: contentDigestOf(manifest),
    }
  } catch (error) {
    if (!isDamselflyError(error, 'PROTOCOL')) throw error
    logger.warn({ task: taskId, error: error.message }, 'a manifest that does not count was left aside')
    return undefined
  }
}
