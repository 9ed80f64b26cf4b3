import { ProtocolError } from './protocol-error.ts'
import { header, listed, type ResponseHead } from './response-head.ts'

/** How the end of a body is told. */
export type Framing =
  | { readonly type: 'length'; readonly length: number }
  | { readonly type: 'chunked' }
  | { readonly type: 'until-close' }

export type Method = 'GET' | 'HEAD' | 'POST'

const NO_BODY: Framing = { type: 'length', length: 0 }

/**
 * What can be understood in two ways is refused, since an intermediary may have understood it in the other.
 *
 * @throws ProtocolError
 */
export function framingOf(method: Method, head: ResponseHead): Framing {
  const coding = head.headers.get('transfer-encoding')
  const lengths = head.headers.get('content-length')
  if (coding !== undefined) checkCoding(head)
  if (coding !== undefined && lengths !== undefined) throw new ProtocolError('it has a Content-Length and a Transfer-Encoding')
  const length = lengths === undefined ? undefined : readLength(lengths)
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return NO_BODY
  if (coding !== undefined) return { type: 'chunked' }
  return length === undefined ? { type: 'until-close' } : { type: 'length', length }
}

/** How long the connection may be kept for another request; milliseconds, 0: not at all. */
export function reusableFor(head: ResponseHead, framing: Framing, mostMs: number): number {
  if (head.isHttp10 || framing.type === 'until-close' || listed(head.headers, 'connection').includes('close')) return 0
  const [, seconds] = /(?:^|[,; ])timeout=(\d{1,9})(?:$|[,; ])/i.exec(header(head.headers, 'keep-alive')) ?? []
  // The origin counts from when it has sent the last byte, which was a little ago.
  return seconds === undefined ? mostMs : Math.min(mostMs, Math.max(0, Number(seconds) - 1) * 1000)
}

function checkCoding({ headers, isHttp10 }: ResponseHead): void {
  const codings = listed(headers, 'transfer-encoding')
  if (isHttp10 || codings.length !== 1 || codings[0] !== 'chunked') {
    throw new ProtocolError(`it has the Transfer-Encoding ${JSON.stringify(codings.join(', '))}`)
  }
}

function readLength(values: readonly string[]): number {
  const [text = ''] = values
  const length = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (values.length > 1 || !Number.isSafeInteger(length)) {
    throw new ProtocolError(`it has the Content-Length ${JSON.stringify(values.join(', '))}`)
  }
  return length
}
