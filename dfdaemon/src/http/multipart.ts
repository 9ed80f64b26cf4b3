import { randomBytes } from 'node:crypto'
import type { ContentRange } from './range.ts'

/** Several parts of a content in one body (RFC 9110, 14.6). */
export interface MultipartBody {
  /** `multipart/byteranges` with its boundary. */
  readonly contentType: string
  /** Bytes. */
  readonly contentLength: number
  readonly body: AsyncGenerator<Uint8Array>
}

/**
 * @param type the content's own media type
 * @param read gives the bytes of one part
 */
export function multipartBody(
  ranges: readonly ContentRange[],
  { type, contentLength }: { readonly type: string; readonly contentLength: number },
  read: (range: ContentRange) => AsyncIterable<Uint8Array>,
): MultipartBody {
  const boundary = randomBytes(16).toString('hex')
  const heads = ranges.map(
    ({ start, end }, index) =>
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\ncontent-type: ${type}\r\ncontent-range: bytes ${start}-${end}/${contentLength}\r\n\r\n`,
  )
  const tail = `\r\n--${boundary}--\r\n`
  const parts = ranges.map((range, index) => ({ range, head: heads[index] ?? '' }))
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    contentLength: parts.reduce((sum, { range, head }) => sum + head.length + range.end - range.start + 1, tail.length),
    body: writeParts(parts, tail, read),
  }
}

async function* writeParts(
  parts: readonly { readonly range: ContentRange; readonly head: string }[],
  tail: string,
  read: (range: ContentRange) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const { range, head } of parts) {
    yield Buffer.from(head, 'latin1')
    yield* read(range)
  }
  yield Buffer.from(tail, 'latin1')
}
