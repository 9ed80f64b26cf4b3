import type { ByteRange, HeaderMap } from '@damselfly/shared'
import type { OriginValidators } from '../source-client.ts'
import { isStrongEtag } from '../validators.ts'

/** Belong to the connection or are set by the client itself, so that no caller can split or misroute a request. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'proxy-connection',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface Wish {
  readonly range: ByteRange | undefined
  readonly ifMatch: OriginValidators | undefined
  readonly known: OriginValidators | undefined
}

/** What goes over the wire. An encoding is asked for only when the caller names one. */
export function requestHeaders(given: HeaderMap, userAgent: string, wish: Wish): Record<string, string> {
  const headers: Record<string, string> = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': userAgent }
  for (const [name, value] of given) {
    if (!OWN_HEADERS.has(name.toLowerCase())) headers[name.toLowerCase()] = value
  }
  if (wish.range !== undefined) {
    headers['range'] = `bytes=${wish.range.start}-${wish.range.end ?? ''}`
    Object.assign(headers, precondition(wish.ifMatch))
  }
  return Object.assign(headers, newsOnly(wish.known))
}

/** If-Range makes a changed content come whole, and so be noticed; a weak tag proves nothing, and a date only with 412. */
function precondition(validators: OriginValidators | undefined): Record<string, string> {
  if (validators === undefined) return {}
  if (isStrongEtag(validators.etag)) return { 'if-range': validators.etag }
  return validators.lastModified === '' ? {} : { 'if-unmodified-since': validators.lastModified }
}

/** For a whole content a weak tag will do. The date goes along for origins that know no tags; others pass over it. */
function newsOnly(known: OriginValidators | undefined): Record<string, string> {
  if (known === undefined) return {}
  return {
    ...(known.etag === '' ? {} : { 'if-none-match': known.etag }),
    ...(known.lastModified === '' ? {} : { 'if-modified-since': known.lastModified }),
  }
}
