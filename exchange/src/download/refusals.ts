import type { DamselflyError, ErrorCode } from '@damselfly/shared'

/** The disk here fails: whoever brings bytes, they cannot be kept. */
const DISK_TROUBLE: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'DISK_DENIED', 'DISK_FAILED'])

/** No other way to the content would change these. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'ORIGIN_NOT_FOUND',
  'ORIGIN_UNAUTHORIZED',
  'URL_REFUSED',
  'RANGE_UNSATISFIABLE',
  'DIGEST_MISMATCH',
  'BLOCKED',
])

/** These say something of the content at the origin, so that going on with what is here would mix versions. */
const SPOILED: ReadonlySet<ErrorCode> = new Set(['ORIGIN_CHANGED', 'ORIGIN_LONG'])

/** These say something of the origin, not of the supernode that tells them. */
const ORIGIN_TROUBLE: ReadonlySet<ErrorCode> = new Set([
  'ORIGIN_STATUS',
  'ORIGIN_UNREACHABLE',
  'ORIGIN_TLS',
  'ORIGIN_REDIRECTS',
  'ORIGIN_SHORT',
  'ORIGIN_LONG',
  'ORIGIN_CHANGED',
])

export function isDiskTrouble({ code }: DamselflyError): boolean {
  return DISK_TROUBLE.has(code)
}

/** Whether the download fails with it, whoever else may still help. */
export function isFinal(error: DamselflyError): boolean {
  return FINAL.has(error.code) || isDiskTrouble(error)
}

export function isSpoiled({ code }: DamselflyError): boolean {
  return SPOILED.has(code)
}

export function isOriginTrouble({ code }: DamselflyError): boolean {
  return ORIGIN_TROUBLE.has(code)
}
