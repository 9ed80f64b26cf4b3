import type { IncomingHttpHeaders } from 'node:http'
import type { RegistryRequest } from './registry-request.ts'

/**
 * The headers of a registry's answer with its links to itself leading through the mirror, as the request came: the next page
 * of a list, the place of an upload. Links elsewhere stay as they are.
 *
 * @param endpoint the registry's own address, without a slash at the end
 */
export function linksThroughMirror(headers: IncomingHttpHeaders, asked: RegistryRequest, endpoint: string): IncomingHttpHeaders {
  const { link, location } = headers
  const through = (url: string): string => linkThroughMirror(url, asked, endpoint)
  return {
    ...headers,
    ...(typeof link === 'string' ? { link: link.replaceAll(/<([^<>]*)>/g, (_, url: string) => `<${through(url)}>`) } : {}),
    ...(location === undefined ? {} : { location: through(location) }),
  }
}

function linkThroughMirror(url: string, { registry, namedBy }: RegistryRequest, endpoint: string): string {
  const path = url.startsWith(`${endpoint}/`) ? url.slice(endpoint.length) : url
  if (!path.startsWith('/v2/')) return url
  if (namedBy === 'path') return `/v2/${registry}${path.slice('/v2'.length)}`
  return namedBy === 'ns' ? `${path}${path.includes('?') ? '&' : '?'}ns=${registry}` : path
}
