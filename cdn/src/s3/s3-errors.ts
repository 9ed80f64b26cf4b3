import { S3ServiceException } from '@aws-sdk/client-s3'
import { DamselflyError, messageOf } from '@damselfly/shared'
import { requestError, statusError } from '../http/http-errors.ts'

/** What `CredentialsProviderError` is called by each of the SDK's providers. */
const NO_CREDENTIALS = /^(?:CredentialsProviderError|TokenProviderError)$/

/**
 * What an S3 client threw, as one of ours: ORIGIN_NOT_FOUND, ORIGIN_UNAUTHORIZED, ORIGIN_CHANGED (a precondition
 * failed), RANGE_UNSATISFIABLE, ORIGIN_STATUS, ORIGIN_TLS or ORIGIN_UNREACHABLE. An answer's status is its `cause`.
 *
 * @param shown the object for messages, as `s3://bucket/key`
 */
export function s3Error(error: unknown, shown: string): DamselflyError {
  if (error instanceof Error && NO_CREDENTIALS.test(error.name)) {
    return new DamselflyError('ORIGIN_UNAUTHORIZED', `${shown}: this machine has no credentials of its own: ${messageOf(error)}`, { cause: error })
  }
  const status = answeredStatus(error)
  if (status === undefined) return requestError(error, shown)
  const answer = statusError(status, shown, retryAfter(error))
  return new DamselflyError(answer.code, `${answer.message}${reason(error)}`, { cause: answer.cause })
}

/** The status of the answer; undefined when none came, or none that is an error. */
function answeredStatus(error: unknown): number | undefined {
  // Answers that are no XML fail to be read, but carry their status all the same.
  const metadata = error instanceof Error && '$metadata' in error ? (error as S3ServiceException).$metadata : undefined
  const status = metadata?.httpStatusCode
  return status !== undefined && status >= 300 ? status : undefined
}

function retryAfter(error: unknown): string {
  const headers = error instanceof S3ServiceException ? error.$response?.headers : undefined
  return headers?.['retry-after'] ?? ''
}

/** The server's own code, such as `NoSuchBucket`; answers to HEAD have none. */
function reason(error: unknown): string {
  if (!(error instanceof S3ServiceException) || /^(?:Unknown|UnknownError|\d+)$/.test(error.name)) return ''
  const region = error.$response?.headers['x-amz-bucket-region']
  return ` (${error.name}${region === undefined ? '' : `, the bucket is in the region ${region}`})`
}
