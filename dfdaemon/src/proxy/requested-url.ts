import type { IncomingMessage } from 'node:http'
import { DamselflyError } from '@damselfly/shared'
import { formatTarget, parseTargetUrl, type Target } from './target.ts'

/**
 * The whole URL that a request means.
 *
 * @param intercepted where the client believes to be connected; undefined: to a proxy
 * @throws DamselflyError URL_REFUSED, USAGE
 */
export function requestedUrl({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>, intercepted: Target | undefined): URL {
  if (intercepted === undefined) {
    if (url.startsWith('/')) throw new DamselflyError('USAGE', 'this is a proxy: requests name a whole URL, or begin with CONNECT')
    return parseTargetUrl(url)
  }
  const here = parseTargetUrl(`https://${formatTarget(intercepted, 443)}`)
  const host = URL.parse(`https://${headers.host ?? ''}/`)?.host
  // Rules and limits were applied to where the connection was opened to.
  if (!url.startsWith('/') || host !== here.host) throw new DamselflyError('USAGE', `this connection is for ${here.host} alone`)
  return parseTargetUrl(`${here.origin}${url}`)
}
