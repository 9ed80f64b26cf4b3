import { DamselflyError, isDamselflyError, messageOf, systemCode } from '@damselfly/shared'
import { OriginStatus } from '../origin-status.ts'
import { ProtocolError } from './protocol-error.ts'

/** OpenSSL's verification results and Node's own TLS codes. */
const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERROR_IN_C|HOSTNAME_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|EPROTO$)/

/** A request that failed before or while its answer came. @param shown the URL, redacted */
export function requestError(error: unknown, shown: string): DamselflyError {
  if (isDamselflyError(error)) return error
  if (error instanceof ProtocolError) return failure('ORIGIN_STATUS', `${shown}: what came is not HTTP: ${error.message}`, error)
  const code = errorCode(error)
  if (TLS_CODES.test(code)) return failure('ORIGIN_TLS', `${shown}: TLS failed: ${describe(error, code)}`, error)
  return failure('ORIGIN_UNREACHABLE', `${shown}: ${describe(error, code)}`, error)
}

export function shortError(shown: string, received: number, expected: number, cause?: unknown): DamselflyError {
  return failure('ORIGIN_SHORT', `${shown} ended after ${received} of ${expected} bytes`, cause)
}

export function longError(shown: string, expected: number): DamselflyError {
  return failure('ORIGIN_LONG', `${shown} sent more than the ${expected} bytes that it announced`, undefined)
}

/** @param retryAfter the header's value @param challenge as in OriginStatus */
export function statusError(status: number, shown: string, retryAfter: string, challenge = ''): DamselflyError {
  const cause = new OriginStatus(status, parseRetryAfter(retryAfter), challenge)
  return failure(codeOfStatus(status), `${shown} answered ${status}`, cause)
}

function codeOfStatus(status: number): 'ORIGIN_UNAUTHORIZED' | 'ORIGIN_NOT_FOUND' | 'ORIGIN_CHANGED' | 'RANGE_UNSATISFIABLE' | 'ORIGIN_STATUS' {
  if (status === 401 || status === 403 || status === 407) return 'ORIGIN_UNAUTHORIZED'
  if (status === 404 || status === 410) return 'ORIGIN_NOT_FOUND'
  if (status === 412) return 'ORIGIN_CHANGED'
  return status === 416 ? 'RANGE_UNSATISFIABLE' : 'ORIGIN_STATUS'
}

/** Seconds or an HTTP date. */
function parseRetryAfter(text: string): number | undefined {
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}

function errorCode(error: unknown): string {
  return systemCode(error) ?? (error instanceof Error && error.cause !== undefined ? errorCode(error.cause) : '')
}

function describe(error: unknown, code: string): string {
  // OpenSSL's messages end in a line break.
  const message = messageOf(error).replaceAll(/\s+/g, ' ').trim()
  return code === '' || message.includes(code) ? message : `${message} (${code})`
}

function failure(code: DamselflyError['code'], message: string, cause: unknown): DamselflyError {
  return new DamselflyError(code, message, { cause })
}
