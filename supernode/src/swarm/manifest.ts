import { canonicalUrl, merkleRoot, redactUrl, taskIdToBytes } from '@damselfly/shared'
import { create, ManifestSchema, type Manifest } from '@damselfly/shared/wire'
import type { Swarm } from './swarm.ts'

/**
 * Everything that is known of a complete task.
 *
 * @throws RangeError while something is missing
 */
export function manifestOf({ taskId, spec, content }: Swarm): Manifest {
  const { layout, contentDigest, validators } = content
  if (layout === undefined) throw new RangeError('the content is not complete')
  const digests = content.allDigests()
  return create(ManifestSchema, {
    taskId: taskIdToBytes(taskId),
    contentLength: BigInt(layout.contentLength),
    pieceSize: layout.pieceSize,
    pieceDigests: Buffer.concat(digests),
    merkleRoot: merkleRoot(digests),
    ...(contentDigest === undefined ? {} : { contentDigest }),
    validators: { ...validators },
    // Callers who named the content by its digest need not know each other's URLs.
    url: spec.expectedDigest === undefined ? canonicalUrl(spec.url, spec.filteredQueryParams) : redactUrl(spec.url),
  })
}
