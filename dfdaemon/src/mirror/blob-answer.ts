import type { IncomingHttpHeaders } from 'node:http'
import { formatDigest, isDamselflyError, type Sha256 } from '@damselfly/shared'
import type { FastifyReply } from 'fastify'
import { BACK_TO_SOURCE_HEADER } from '../api/protocol.ts'
import { multipartBody } from '../http/multipart.ts'
import { replyInPortions } from '../http/portions-answer.ts'
import { parseRanges, type ContentRange } from '../http/range.ts'
import type { OpenedContent } from './opened-content.ts'
import { proven } from './proven-content.ts'

const TYPE = 'application/octet-stream'

/** Of a content that digests name. */
export function etagOf(digest: Sha256): string {
  return `"${formatDigest(digest)}"`
}

/** The part that is wanted, if the client still means this content (RFC 9110, 13.1.5). */
export function wantedPart({ range, 'if-range': condition }: Partial<Pick<IncomingHttpHeaders, 'range' | 'if-range'>>, digest: Sha256): string | undefined {
  return condition === undefined || condition === etagOf(digest) ? range : undefined
}

/**
 * Sends a content or the parts of it that are wanted.
 *
 * @param range a Range header's value; undefined: all of it
 * @throws DamselflyError RANGE_UNSATISFIABLE, with the header that tells the length already set
 */
export async function sendBlob(reply: FastifyReply, digest: Sha256, content: OpenedContent, range: string | undefined): Promise<void> {
  const { contentLength } = content
  const ranges = rangesOf(reply, range, contentLength)
  const reason = content.reason()
  void reply.headers({ 'docker-content-digest': formatDigest(digest), etag: etagOf(digest), 'accept-ranges': 'bytes' }).type(TYPE)
  if (reason !== undefined) void reply.header(BACK_TO_SOURCE_HEADER, reason)
  const [first, ...others] = ranges ?? []
  if (others.length > 0 && ranges !== undefined) return await sendParts(reply, content, ranges)
  const all = { start: 0, end: contentLength - 1 }
  const { start, end } = first ?? all
  const isAll = start === 0 && end === all.end
  const bytes = isAll ? proven(content.read(all), contentLength, digest) : content.read({ start, end })
  if (first !== undefined) void reply.code(206).header('content-range', `bytes ${start}-${end}/${contentLength}`)
  await replyInPortions(reply.header('content-length', end - start + 1), bytes)
}

async function sendParts(reply: FastifyReply, content: OpenedContent, ranges: readonly ContentRange[]): Promise<void> {
  const { contentType, contentLength, body } = multipartBody(ranges, { type: TYPE, contentLength: content.contentLength }, content.read)
  await replyInPortions(reply.code(206).type(contentType).header('content-length', contentLength), body)
}

function rangesOf(reply: FastifyReply, header: string | undefined, length: number): ReturnType<typeof parseRanges> {
  try {
    return parseRanges(header, length)
  } catch (error) {
    if (isDamselflyError(error, 'RANGE_UNSATISFIABLE')) void reply.header('content-range', `bytes */${length}`)
    throw error
  }
}
