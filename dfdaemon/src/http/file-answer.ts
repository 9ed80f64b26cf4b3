import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { parseRangeHeader } from './range.ts'

/** A whole content on this disk. */
export interface ContentFile {
  readonly path: string
  /** Bytes. */
  readonly contentLength: number
}

/**
 * Answers with a file or the part of it that a Range header asks for.
 *
 * @throws DamselflyError RANGE_UNSATISFIABLE, with the header that tells the length already set
 */
export function sendFile(reply: FastifyReply, { path, contentLength }: ContentFile, header: string | undefined): FastifyReply {
  void reply.header('accept-ranges', 'bytes')
  const range = rangeOf(reply, header, contentLength)
  const { start, end } = range ?? { start: 0, end: contentLength - 1 }
  void reply.header('content-length', end - start + 1)
  if (range !== undefined) void reply.code(206).header('content-range', `bytes ${start}-${end}/${contentLength}`)
  // The stream cannot express "no bytes": its `end` is inclusive.
  return reply.send(contentLength === 0 ? Readable.from([]) : createReadStream(path, { start, end }))
}

function rangeOf(reply: FastifyReply, header: string | undefined, length: number): ReturnType<typeof parseRangeHeader> {
  try {
    return parseRangeHeader(header, length)
  } catch (error) {
    void reply.header('content-range', `bytes */${length}`)
    throw error
  }
}
