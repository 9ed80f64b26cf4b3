import type { X509Certificate } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'

/**
 * The client's certificate, if it leads to the configured CA and the client chose to show it: browsers do so for every page that
 * makes them ask, so it does not count for what pages of other origins ask.
 */
export function certificateOf({ raw: { socket }, headers }: FastifyRequest): X509Certificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const site = headers['sec-fetch-site']
  const isOfPage = headers.origin !== undefined || (site !== undefined && site !== 'none' && site !== 'same-origin')
  return isOfPage ? undefined : socket.getPeerX509Certificate()
}
