import { DamselflyError, type ByteRange, type HeaderMap } from '@damselfly/shared'
import type { OriginInfo, SourceClient } from '@damselfly/cdn'
import type { OriginBody, OriginContent, OriginPart, OriginReader } from '@damselfly/exchange'

export interface OriginOfTask {
  readonly source: SourceClient
  readonly url: string
  /** Variant headers and the caller's credentials. */
  readonly headers: HeaderMap
  /** The part of what the URL serves that is the task's content; undefined: all of it. */
  readonly range: ByteRange | undefined
}

/** The origin as one task sees it: a task over a range starts at that range's first byte. */
export function originOfTask({ source, url, headers, range }: OriginOfTask): OriginReader {
  return {
    async probe(signal) {
      return contentWithin(await source.probe({ url, headers, signal }), range)
    },
    async read(part, signal) {
      const absolute = absoluteRange(part, range)
      const ifMatch = part.expected?.etag === '' && part.expected.lastModified === '' ? undefined : part.expected
      const answer = await source.read({ url, headers, range: absolute, ifMatch, signal })
      if (range !== undefined && answer.start !== absolute?.start) {
        throw new DamselflyError('RANGE_UNSATISFIABLE', 'the origin serves no ranges')
      }
      const content = contentWithin(answer, range)
      return { ...content, start: answer.start - (range?.start ?? 0), body: answer.body } satisfies OriginBody
    },
  }
}

function absoluteRange({ start, end }: OriginPart, range: ByteRange | undefined): ByteRange | undefined {
  if (range === undefined) return start === 0 && end === undefined ? undefined : { start, end }
  const last = end === undefined ? range.end : range.start + end
  return { start: range.start + start, end: range.end === undefined ? last : Math.min(range.end, last ?? range.end) }
}

/** @throws DamselflyError RANGE_UNSATISFIABLE */
function contentWithin(info: OriginInfo, range: ByteRange | undefined): OriginContent {
  return {
    contentLength: lengthWithin(info.contentLength, range),
    acceptsRanges: info.acceptsRanges,
    etag: info.validators.etag,
    lastModified: info.validators.lastModified,
  }
}

function lengthWithin(whole: number | undefined, range: ByteRange | undefined): number | undefined {
  if (range === undefined || whole === undefined) return whole
  if (range.start >= whole) {
    throw new DamselflyError('RANGE_UNSATISFIABLE', `the content has ${whole} bytes, the range starts at ${range.start}`)
  }
  return Math.min(range.end ?? whole - 1, whole - 1) - range.start + 1
}
