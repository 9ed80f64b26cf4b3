import { DamselflyError, redactUrl, splitHeaders, type HeaderMap } from '@damselfly/shared'
import { basicAuthorization, withoutUserInfo } from '../user-info.ts'

const REDIRECTS = new Set([301, 302, 303, 307, 308])

export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status)
}

/** Where a request has got to, and what it may still carry there. */
export class RedirectTrail {
  readonly #start: URL
  readonly #limit: number
  readonly #visited = new Set<string>()
  readonly #variant: HeaderMap
  #credentials: HeaderMap
  #url: URL

  /** @throws DamselflyError URL_REFUSED */
  constructor(url: string, headers: HeaderMap, limit: number) {
    const start = URL.parse(url)
    if (start === null || !isHttp(start)) {
      throw new DamselflyError('URL_REFUSED', `'${redactUrl(url)}' is not an http: or https: URL`)
    }
    const { credentials, variant } = splitHeaders(headers)
    this.#limit = limit
    this.#variant = variant
    this.#credentials = withUserInfo(start, credentials)
    this.#url = this.#start = withoutUserInfo(start)
    this.#visited.add(this.#url.href)
  }

  get url(): URL {
    return this.#url
  }

  /** For messages. */
  get shown(): string {
    return redactUrl(this.#url.href)
  }

  /** What the caller gave, less the credentials once the trail has left their host. */
  get headers(): HeaderMap {
    return new Map([...this.#variant, ...this.#credentials])
  }

  /** Whether it has not left the origin that was asked for. */
  get isAtRequestedOrigin(): boolean {
    return this.#url.origin === this.#start.origin
  }

  get isAtRequestedHost(): boolean {
    return this.#url.hostname === this.#start.hostname
  }

  /** @throws DamselflyError ORIGIN_REDIRECTS */
  follow(location: string): void {
    const next = URL.parse(location, this.#url)
    if (next === null || !isHttp(next)) throw this.#refuse(`to '${redactUrl(location)}', which is no http: or https: URL`)
    if (this.#credentials.size > 0 && this.#url.protocol === 'https:' && next.protocol === 'http:') {
      throw this.#refuse('a request with credentials from https: to http:')
    }
    if (next.origin !== this.#url.origin) this.#credentials = new Map()
    this.#credentials = withUserInfo(next, this.#credentials)
    this.#url = withoutUserInfo(next)
    if (this.#visited.has(this.#url.href)) throw this.#refuse('in a circle')
    this.#visited.add(this.#url.href)
    if (this.#visited.size > this.#limit + 1) throw this.#refuse(`more than ${this.#limit} times`)
  }

  #refuse(how: string): DamselflyError {
    return new DamselflyError('ORIGIN_REDIRECTS', `${redactUrl(this.#start.href)} redirects ${how}`)
  }
}

function withUserInfo(url: URL, credentials: HeaderMap): HeaderMap {
  const basic = basicAuthorization(url)
  if (basic === undefined || credentials.has('authorization')) return credentials
  return new Map([...credentials, ['authorization', basic]])
}

function isHttp(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:'
}
