import { DamselflyError, isDamselflyError, type ErrorCode } from '@damselfly/shared'
import { s3Error } from '../../s3/index.ts'

/**
 * What the client of the store's bucket threw, as STORAGE_DENIED, STORAGE_MISSING or STORAGE_FAILED: an origin has no part in it.
 *
 * @param shown the object for messages, as `s3://bucket/key`
 */
export function storageError(error: unknown, shown: string): DamselflyError {
  if (isDamselflyError(error)) return error
  const { code, message, cause } = s3Error(error, shown)
  return new DamselflyError(codeOf(error, code), message, { cause: cause ?? error })
}

/** Whether the server says that there is no such object, in a bucket that exists. */
export function isNoSuchObject(error: unknown): boolean {
  return error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'NotFound')
}

/** Whether the server does not know writes that depend on what is there. */
export function isNotImplemented(error: unknown): boolean {
  return error instanceof Error && error.name === 'NotImplemented'
}

/** Whether such an object was there already. */
export function isThere(error: unknown): boolean {
  return error instanceof Error && error.name === 'PreconditionFailed'
}

/** Whether somebody else was writing such an object at the same time. */
export function isBeingWritten(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConditionalRequestConflict'
}

function codeOf(error: unknown, asOrigin: ErrorCode): ErrorCode {
  if (error instanceof Error && error.name === 'NoSuchBucket') return 'STORAGE_MISSING'
  return asOrigin === 'ORIGIN_UNAUTHORIZED' ? 'STORAGE_DENIED' : 'STORAGE_FAILED'
}
