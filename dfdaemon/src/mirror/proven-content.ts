import { createHash } from 'node:crypto'
import { DamselflyError, digestsEqual, formatDigest, type Sha256 } from '@damselfly/shared'

/**
 * The bytes as they come; the last ones only once the whole has proved to be what was asked for, so that nobody takes
 * a wrong content for a whole one.
 *
 * @param contentLength bytes
 * @throws DamselflyError DIGEST_MISMATCH instead of the last bytes; what `chunks` throws
 */
export async function* proven(chunks: AsyncIterable<Uint8Array>, contentLength: number, expected: Sha256): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let at = 0
  let last: Uint8Array | undefined
  for await (const bytes of chunks) {
    hash.update(bytes)
    at += bytes.length
    if (at < contentLength) yield bytes
    // Their memory may be used again.
    else last = Buffer.from(bytes)
  }
  const digest = hash.digest()
  if (!digestsEqual(digest, expected)) {
    throw new DamselflyError('DIGEST_MISMATCH', `the content has ${formatDigest(digest)}, not ${formatDigest(expected)}`)
  }
  if (last !== undefined) yield last
}
