import type { X509Certificate } from 'node:crypto'
import { DamselflyError, isDamselflyError, type Clock } from '@damselfly/shared'
import type { AdminToken } from './admin-token.ts'
import { callerOf, type ApiTokens } from './api-tokens.ts'
import { bearerOf, tokenIdOf } from './bearer.ts'
import type { ClientCertificates } from './client-certificates.ts'
import { FailureThrottle, type Attempt } from './failure-throttle.ts'
import type { OidcTokens } from './oidc/oidc-tokens.ts'
import type { Caller } from './roles.ts'

/** What a request shows to prove who asks. */
export interface ShownCredentials {
  readonly authorization: string | undefined
  /** Of a client whose certificate leads to the configured CA. */
  readonly certificate?: X509Certificate | undefined
  /** Where it comes from. */
  readonly address: string
}

export interface AuthenticatorInit {
  readonly adminToken: Pick<AdminToken, 'matches'>
  readonly tokens: Pick<ApiTokens, 'find'>
  readonly certificates: ClientCertificates
  /** Undefined: no issuer is configured. */
  readonly oidc: Pick<OidcTokens, 'accepts' | 'callerOf'> | undefined
  readonly clock: Clock
}

/** Tells who asks, and lets nobody guess fast. */
export class Authenticator {
  readonly #init: AuthenticatorInit
  readonly #throttle: FailureThrottle

  constructor(init: AuthenticatorInit) {
    this.#init = init
    this.#throttle = new FailureThrottle(init.clock)
  }

  /** A token goes before a certificate, which programs send without being asked. @throws DamselflyError UNAUTHORIZED, ISSUER_UNREACHABLE; TooManyFailures */
  async authenticate({ authorization, certificate, address }: ShownCredentials): Promise<Caller> {
    // Without a token nothing was guessed.
    if (authorization === undefined && certificate !== undefined) return this.#init.certificates.callerOf(certificate)
    if (authorization === undefined) throw new DamselflyError('UNAUTHORIZED', 'no token was sent')
    const given = bearerOf(authorization)
    const attempt = { address, credentials: authorization, named: tokenIdOf(given) }
    this.#throttle.check(attempt)
    return await this.#judged(attempt, async () => {
      if (given === undefined) throw new DamselflyError('UNAUTHORIZED', 'no token was sent: the header is not Authorization: Bearer TOKEN')
      const { oidc } = this.#init
      return oidc?.accepts(given) === true ? await oidc.callerOf(given) : this.#byToken(given)
    })
  }

  #byToken(given: string): Caller {
    const { adminToken, tokens } = this.#init
    if (adminToken.matches(given)) return { kind: 'admin-token', name: 'admin-token', role: 'admin' }
    const token = tokens.find(given)
    if (token === undefined) throw new DamselflyError('UNAUTHORIZED', 'the token is unknown, expired or revoked')
    return callerOf(token)
  }

  async #judged(attempt: Attempt, prove: () => Promise<Caller>): Promise<Caller> {
    try {
      const caller = await prove()
      this.#throttle.succeeded(attempt)
      return caller
    } catch (error) {
      if (isDamselflyError(error, 'UNAUTHORIZED')) this.#throttle.failed(attempt)
      throw error
    }
  }
}
