import type { ServerResponse } from 'node:http'
import { DamselflyError } from '@damselfly/shared'

/** Aborted when the client goes away before it has its answer, and when it has it. */
export function whileConnected(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => gone.abort(new DamselflyError('CANCELLED', 'the client went away')))
  return gone.signal
}
