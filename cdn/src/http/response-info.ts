import { DamselflyError, type ByteRange } from '@damselfly/shared'
import type { OriginInfo, OriginValidators } from '../source-client.ts'
import { readTerms } from './read-terms.ts'
import { header, type ResponseHeaders } from './response-head.ts'

export interface BodyPlace {
  /** Position in the whole content; bytes. */
  readonly start: number
  /** Bytes; undefined when not told. */
  readonly length: number | undefined
}

/** An answer whose status says that it carries content: 200 or 206. */
export interface ContentAnswer {
  readonly info: OriginInfo
  readonly body: BodyPlace
}

const CONTENT_RANGE = /^bytes\s+(\d+)-(\d+)\/(\d+|\*)$/i

/**
 * Reads what the headers of a 200 or 206 tell.
 *
 * @param asked the range that was asked for
 * @throws DamselflyError ORIGIN_STATUS when a 206 does not answer what was asked
 */
export function readAnswer(
  status: number,
  headers: ResponseHeaders,
  asked: ByteRange | undefined,
  shown: string,
): ContentAnswer {
  const announced = byteCount(header(headers, 'content-length'))
  const validators = validatorsOf(headers)
  const terms = readTerms(headers)
  if (status !== 206) {
    const acceptsRanges = /\bbytes\b/i.test(header(headers, 'accept-ranges'))
    return { info: { contentLength: announced, acceptsRanges, validators, terms }, body: { start: 0, length: announced } }
  }
  const part = contentRange(header(headers, 'content-range'))
  if (part === undefined || asked === undefined || !answers(part, asked)) {
    const told = header(headers, 'content-range') || 'no Content-Range'
    throw new DamselflyError('ORIGIN_STATUS', `${shown} answered a request for ${shownRange(asked)} with ${told}`)
  }
  return {
    info: { contentLength: part.total, acceptsRanges: true, validators, terms },
    body: { start: part.start, length: part.end - part.start + 1 },
  }
}

/** What a 304 tells: that the content is still the one that was known, and under which terms from now on. */
export function readUnchanged(headers: ResponseHeaders, known: OriginValidators): OriginInfo {
  const { etag, lastModified } = validatorsOf(headers)
  const validators = { etag: etag || known.etag, lastModified: lastModified || known.lastModified }
  return { contentLength: undefined, acceptsRanges: false, validators, terms: readTerms(headers), isUnchanged: true }
}

export function validatorsOf(headers: ResponseHeaders): OriginValidators {
  return { etag: header(headers, 'etag'), lastModified: header(headers, 'last-modified') }
}

interface ContentRange {
  readonly start: number
  readonly end: number
  readonly total: number | undefined
}

function contentRange(text: string): ContentRange | undefined {
  const [, start, end, total] = CONTENT_RANGE.exec(text.trim()) ?? []
  const range = { start: Number(start), end: Number(end), total: total === '*' ? undefined : Number(total) }
  const sane = range.start <= range.end && range.end < (range.total ?? Number.MAX_SAFE_INTEGER) && (range.total ?? 0) <= Number.MAX_SAFE_INTEGER
  return sane ? range : undefined
}

function answers(part: ContentRange, asked: ByteRange): boolean {
  return part.start === asked.start && part.end <= (asked.end ?? Number.POSITIVE_INFINITY)
}

function byteCount(text: string): number | undefined {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(count) ? count : undefined
}

function shownRange(range: ByteRange | undefined): string {
  return range === undefined ? 'the whole' : `bytes ${range.start}-${range.end ?? ''}`
}
