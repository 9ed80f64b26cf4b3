import { DamselflyError, errorFromWire } from '@damselfly/shared'

/** @throws DamselflyError PROTOCOL */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new DamselflyError('PROTOCOL', 'dfdaemon sent something that is not JSON', { cause: error })
  }
}

/** What the daemon says in an answer that is no success. @throws DamselflyError PROTOCOL */
export function answeredError(text: string, status: number | undefined): DamselflyError {
  const body = parseJson(text) as { readonly code?: unknown; readonly message?: unknown } | null
  if (typeof body?.code === 'string' && typeof body.message === 'string') return errorFromWire(body.code, body.message)
  return new DamselflyError('PROTOCOL', `dfdaemon answered with status ${status} and no reason`)
}
