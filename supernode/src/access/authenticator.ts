import { DamselflyError } from '@damselfly/shared'
import type { AdminToken } from './admin-token.ts'
import { callerOf, type ApiTokens } from './api-tokens.ts'
import type { Caller } from './roles.ts'

const BEARER = /^Bearer +([\w.~+/-]+=*) *$/i

/** What a request shows to prove who asks. */
export interface ShownCredentials {
  readonly authorization: string | undefined
}

export interface AuthenticatorInit {
  readonly adminToken: Pick<AdminToken, 'matches'>
  readonly tokens: Pick<ApiTokens, 'find'>
}

/** Tells who asks. */
export class Authenticator {
  readonly #init: AuthenticatorInit

  constructor(init: AuthenticatorInit) {
    this.#init = init
  }

  /** @throws DamselflyError UNAUTHORIZED */
  async authenticate({ authorization }: ShownCredentials): Promise<Caller> {
    const given = BEARER.exec(authorization ?? '')?.[1]
    if (given === undefined) throw new DamselflyError('UNAUTHORIZED', 'no token was sent')
    const caller = this.#byToken(given)
    if (caller === undefined) throw new DamselflyError('UNAUTHORIZED', 'the token is unknown, expired or revoked')
    return caller
  }

  #byToken(given: string): Caller | undefined {
    const { adminToken, tokens } = this.#init
    if (adminToken.matches(given)) return { kind: 'admin-token', name: 'admin-token', role: 'admin' }
    const token = tokens.find(given)
    return token === undefined ? undefined : callerOf(token)
  }
}
