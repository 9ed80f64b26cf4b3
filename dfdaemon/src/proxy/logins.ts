import { createHash, timingSafeEqual } from 'node:crypto'
import { DamselflyError } from '@damselfly/shared'
import type { Secret } from '@damselfly/shared/config'

/** What those are shown who have to log in. */
export const PROXY_CHALLENGE = 'Basic realm="damselfly", charset="UTF-8"'

/** Who may use the proxy. */
export class Logins {
  readonly #digests: readonly Buffer[]

  /** @param users passwords by name; none: everybody may */
  constructor(users: Readonly<Record<string, Secret>>) {
    this.#digests = Object.entries(users).map(([name, password]) => digestOf(`${name}:${password.reveal()}`))
  }

  /**
   * @param authorization the value of Proxy-Authorization
   * @throws DamselflyError PROXY_UNAUTHORIZED
   */
  require(authorization: string | undefined): void {
    if (this.#digests.length === 0) return
    const [, encoded = ''] = /^basic +([a-z0-9+/]+=*) *$/i.exec(authorization ?? '') ?? []
    const given = digestOf(Buffer.from(encoded, 'base64').toString())
    // All are compared, so that the time tells nothing.
    const matches = this.#digests.filter((digest) => timingSafeEqual(digest, given))
    if (matches.length > 0) return
    throw new DamselflyError('PROXY_UNAUTHORIZED', authorization === undefined ? 'the proxy wants a login' : 'the proxy does not know this user and password')
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
