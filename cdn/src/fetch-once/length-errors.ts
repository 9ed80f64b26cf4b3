import { DamselflyError, redactUrl } from '@damselfly/shared'
import type { ContentSpec } from '../cdn.ts'

/** @param limit bytes */
export function longerThanAnnounced({ url }: ContentSpec, limit: number): DamselflyError {
  return new DamselflyError('ORIGIN_LONG', `${redactUrl(url)} sent more than the ${limit} bytes that it announced`)
}

/** @param limit bytes */
export function longerThanTaken({ url }: ContentSpec, limit: number): DamselflyError {
  return new DamselflyError('CONTENT_TOO_LONG', `${redactUrl(url)} has more than the ${limit} bytes that are taken here`)
}
