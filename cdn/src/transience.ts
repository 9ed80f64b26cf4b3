import { isDamselflyError, systemCode } from '@damselfly/shared'
import { OriginStatus } from './origin-status.ts'

/** Answers that say "not now": request timeout, too many requests, and every server error but "not implemented". */
function isPassingStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501)
}

/** Whether the same request to the origin may well succeed a little later. */
export function isTransientOriginError(error: unknown): boolean {
  if (!isDamselflyError(error)) return false
  if (error.code === 'ORIGIN_SHORT') return true
  if (error.code === 'ORIGIN_UNREACHABLE') return systemCode(error.cause) !== 'ENOTFOUND'
  return error.code === 'ORIGIN_STATUS' && error.cause instanceof OriginStatus && isPassingStatus(error.cause.status)
}

/** How long the origin asks to wait before the next try; milliseconds. */
export function retryAfterOf(error: unknown): number | undefined {
  return isDamselflyError(error) && error.cause instanceof OriginStatus ? error.cause.retryAfterMs : undefined
}
