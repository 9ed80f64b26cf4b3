import { DamselflyError, isDamselflyError, messageOf, type Clock } from '@damselfly/shared'
import { formatAddress } from './address.ts'
import type { Endpoint } from './transport.ts'

/** How long the set-up of a channel may take; milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/**
 * Runs one attempt to reach a peer: with a time-out, and with every failure as one of ours.
 *
 * @throws DamselflyError PEER_UNREACHABLE, PEER_IDENTITY, or the signal's reason
 */
export async function dialWithin<T>(
  endpoint: Endpoint,
  signal: AbortSignal,
  clock: Clock,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const timeout = new AbortController()
  const cancel = clock.after(HANDSHAKE_TIMEOUT_MS, () => {
    timeout.abort(new Error(`no handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`))
  })
  try {
    return await attempt(AbortSignal.any([signal, timeout.signal]))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (isDamselflyError(error, 'PEER_IDENTITY')) throw error
    throw unreachable(endpoint, timeout.signal.aborted ? timeout.signal.reason : error)
  } finally {
    cancel()
  }
}

export function unreachable(endpoint: Endpoint, cause: unknown): DamselflyError {
  const where = `${endpoint.kind} ${formatAddress(endpoint.host, endpoint.port)}`
  return new DamselflyError('PEER_UNREACHABLE', `cannot reach ${where}: ${messageOf(cause)}`, { cause })
}

export function wrongPeer(endpoint: Endpoint, expected: string, found: string): DamselflyError {
  const where = `${endpoint.kind} ${formatAddress(endpoint.host, endpoint.port)}`
  return new DamselflyError('PEER_IDENTITY', `${where} is ${found}, not ${expected}`)
}
