import type { ByteFlow } from '@damselfly/shared'

/** The origin of one task, as the task sees it: positions are in the task's content, even where that is a part of a larger one. */
export interface OriginReader {
  /** Learns length and validators without a body. @throws DamselflyError as the source client does */
  probe(signal: AbortSignal): Promise<OriginContent>
  /**
   * Reads from `start` to `end` (inclusive; undefined: to the end).
   *
   * @param expected if given, the content must still be this one, else ORIGIN_CHANGED
   */
  read(part: OriginPart, signal: AbortSignal): Promise<OriginBody>
}

export interface OriginContent {
  /** Bytes; undefined when the origin does not say. */
  readonly contentLength: number | undefined
  readonly acceptsRanges: boolean
  readonly etag: string
  readonly lastModified: string
}

export interface OriginPart {
  readonly start: number
  readonly end: number | undefined
  readonly expected: { readonly etag: string; readonly lastModified: string } | undefined
}

export interface OriginBody extends OriginContent {
  /** Position of the first byte of `body`: `part.start`, or 0 where the origin ignores ranges. */
  readonly start: number
  /** Whoever does not read it to its end cancels it. */
  readonly body: ByteFlow
}
