import { DamselflyError } from '@damselfly/shared'
import { unbracketed } from '@damselfly/cdn'

/** Where a request or a tunnel is to go. */
export interface Target {
  /** In small letters, an address in its usual form and without brackets. */
  readonly host: string
  readonly port: number
}

const AUTHORITY = /^(?<host>\[[0-9a-f:.]+\]|[^\s:/?#@[\]\\]+):(?<port>\d{1,5})$/i

/** Longer ones nobody needs, and matching them costs time; characters. */
const MAX_URL = 8192

/**
 * Reads the target of CONNECT, `host:port` or `[address]:port`.
 *
 * @throws DamselflyError URL_REFUSED
 */
export function parseAuthority(text: string): Target {
  const { host = '', port = '' } = AUTHORITY.exec(text)?.groups ?? {}
  // What a URL makes of a host leaves one way to write an address.
  const hostname = URL.parse(`http://${host}/`)?.hostname ?? ''
  if (hostname === '' || !isPort(Number(port))) throw new DamselflyError('URL_REFUSED', 'a tunnel needs a target HOST:PORT')
  return { host: unbracketed(hostname), port: Number(port) }
}

/** @throws DamselflyError URL_REFUSED */
export function parseTargetUrl(text: string): URL {
  const url = text.length > MAX_URL ? null : URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new DamselflyError('URL_REFUSED', `a proxy needs a whole http: or https: URL of at most ${MAX_URL} characters`)
  }
  url.username = ''
  url.password = ''
  url.hash = ''
  return url
}

export function targetOf(url: URL): Target {
  return { host: unbracketed(url.hostname), port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) }
}

/** As URLs and Host headers have it; the port only where it is not the usual one. */
export function formatTarget({ host, port }: Target, usualPort?: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === usualPort ? name : `${name}:${port}`
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535
}
