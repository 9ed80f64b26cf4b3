import type { ByteFlow, ByteRange, HeaderMap, Sha256 } from '@damselfly/shared'
import type { CacheTerms } from './cache-terms.ts'

/** What proves that an origin still serves the same content. Empty strings: not given. */
export interface OriginValidators {
  readonly etag: string
  readonly lastModified: string
}

export interface OriginRequest {
  readonly url: string
  /** Variant headers and, where the caller has them, credentials. Credentials stay with the URL's host on redirects. */
  readonly headers: HeaderMap
  /** The part that is wanted, relative to the whole content at the URL; undefined: all of it. */
  readonly range?: ByteRange | undefined
  /** With a range: the content must still be this one (If-Range), else ORIGIN_CHANGED. */
  readonly ifMatch?: OriginValidators | undefined
  /** When probing: what the caller holds, so that the origin may just say that it is still the same (If-None-Match). */
  readonly known?: OriginValidators | undefined
  /** For whom, where somebody asks for himself: those of one origin take turns. */
  readonly by?: string | undefined
  readonly signal: AbortSignal
}

export interface OriginInfo {
  /** Bytes of the whole content at the URL (not of the range); undefined when the origin does not say. */
  readonly contentLength: number | undefined
  readonly acceptsRanges: boolean
  readonly validators: OriginValidators
  /** What the origin says about handing it out again; undefined where its protocol has no words for that. */
  readonly terms?: CacheTerms | undefined
  /** The origin said that the content is the one that was `known`, and nothing else of it but what is new. */
  readonly isUnchanged?: boolean | undefined
}

export interface OriginResponse extends OriginInfo {
  /** The position of the first byte of `body` in the whole content. */
  readonly start: number
  /** How many bytes `body` will have; undefined when the origin does not say. */
  readonly bodyLength: number | undefined
  /**
   * The bytes as the origin stores them: a content encoding is never undone. Whoever does not read it cancels it.
   * Throws ORIGIN_SHORT, ORIGIN_LONG, ORIGIN_UNREACHABLE, ORIGIN_STATUS, or the signal's reason while read.
   */
  readonly body: ByteFlow
}

export interface ListRequest {
  /** A directory, a prefix, an image, or whatever else of many contents the scheme can name. */
  readonly url: string
  /** Credentials, where the caller has them. */
  readonly headers: HeaderMap
  /** Of an image: only these, as `linux/amd64` or `linux/arm/v7`. @default all */
  readonly platforms?: readonly string[] | undefined
  readonly signal: AbortSignal
}

/** One content that a listing leads to. */
export interface ListedContent {
  readonly url: string
  /** Bytes; undefined when the origin does not say. */
  readonly size: number | undefined
  /** Of the whole content, where the origin names it. */
  readonly digest: Sha256 | undefined
}

/**
 * Speaks to one kind of origin.
 *
 * All methods throw DamselflyError URL_REFUSED, ORIGIN_FORBIDDEN, ORIGIN_NOT_FOUND, ORIGIN_UNAUTHORIZED,
 * ORIGIN_STATUS, ORIGIN_UNREACHABLE, ORIGIN_TLS, ORIGIN_REDIRECTS, ORIGIN_CHANGED, RANGE_UNSATISFIABLE,
 * NO_SOURCE_CLIENT, or the signal's reason.
 */
export interface SourceClient {
  /** Schemes of the URLs that it serves, with the colon: `https:`. */
  readonly schemes: readonly string[]
  /** Learns about the content without receiving its body. */
  probe(request: OriginRequest): Promise<OriginInfo>
  /** Starts to read. An origin that ignores the range answers with `start` 0; the caller decides whether that will do. */
  read(request: OriginRequest): Promise<OriginResponse>
  /** Names the contents below a URL, where such URLs exist. The listing ends early with the iteration, and throws while it goes on. */
  list?(request: ListRequest): AsyncIterable<ListedContent>
  close(): Promise<void>
}
