import { DamselflyError, isDamselflyError, redactUrl } from '@damselfly/shared'
import * as z from 'zod'
import { collectWithin } from '../collect-within.ts'
import type { FormClient } from '../http/form-client.ts'
import { statusError } from '../http/http-errors.ts'
import { OriginStatus } from '../origin-status.ts'
import type { SourceClient } from '../source-client.ts'
import { nameAndPassword, type RegistryLogin } from './registry-login.ts'

export interface TokenRequest {
  /** Of the server that gives tokens. */
  readonly realm: URL
  readonly service: string | undefined
  /** What is asked for, such as `repository:library/alpine:pull`; undefined: nothing but to be known. */
  readonly scope: string | undefined
  /** Whose challenge named that server. */
  readonly registry: URL
  /** Undefined: anonymously. */
  readonly login: Exclude<RegistryLogin, { readonly type: 'bearer' }> | undefined
}

export interface Token {
  readonly token: string
  /** How long it may be used; milliseconds. */
  readonly lifetimeMs: number
}

export interface TokenClientInit {
  /** For a server on the same host as its registry. */
  readonly http: SourceClient
  /** For all others: whither a registry sends is not whither its caller wanted to go, so private addresses are refused. */
  readonly checkedHttp: SourceClient
  /** Sends logins where a server wants them in a form. @param registry whose host may be at a private address */
  readonly forms: (registry: URL, realm: URL) => Pick<FormClient, 'post'>
  /** Ends what is under way. */
  readonly signal: AbortSignal
}

/** An answer with a token is never longer; bytes. */
const MAX_ANSWER = 256 * 1024
/** What the specification says where the answer does not; seconds. */
const USUAL_LIFETIME = 60
/** The longest that a token is trusted without asking anew; seconds. */
const LONGEST_LIFETIME = 3600
/** Of its lifetime a token is used for this part, so that it does not end on the way. */
const USABLE = 0.9
/** By which servers know what kind of program asks. */
const CLIENT_ID = 'damselfly'
/** How servers put it that they know no GET there. */
const NO_GET = new Set([404, 405, 501])

const TOKEN = /^[\x21-\x7e]+$/
const answerSchema = z.object({
  token: z.string().regex(TOKEN).optional(),
  access_token: z.string().regex(TOKEN).optional(),
  expires_in: z.number().positive().optional(),
})

/** Fetches tokens from the servers that registries name for it: by GET, or as OAuth 2 has it by POST. */
export class TokenClient {
  readonly #init: TokenClientInit

  constructor(init: TokenClientInit) {
    this.#init = init
  }

  /** @throws DamselflyError ORIGIN_UNAUTHORIZED, ORIGIN_STATUS, or as the source client of HTTP does */
  async fetch(request: TokenRequest): Promise<Token> {
    if (request.login?.type === 'identity-token') return await this.#post(request, { grant_type: 'refresh_token', refresh_token: request.login.token })
    try {
      return await this.#get(request, request.login?.authorization)
    } catch (error) {
      const isNoGet = isDamselflyError(error) && error.cause instanceof OriginStatus && NO_GET.has(error.cause.status)
      const known = request.login === undefined ? undefined : nameAndPassword(request.login.authorization)
      if (!isNoGet || known === undefined) throw error
      return await this.#post(request, { grant_type: 'password', ...known })
    }
  }

  async #get({ realm, service, scope, registry }: TokenRequest, authorization: string | undefined): Promise<Token> {
    const { http, checkedHttp, signal } = this.#init
    const url = new URL(realm)
    if (service !== undefined) url.searchParams.set('service', service)
    if (scope !== undefined) url.searchParams.set('scope', scope)
    const headers = new Map(authorization === undefined ? [] : [['authorization', authorization]])
    const client = url.hostname === registry.hostname ? http : checkedHttp
    const { body } = await client.read({ url: url.href, headers, signal })
    return readToken(await collectWithin(body, MAX_ANSWER, redactUrl(url.href)), redactUrl(url.href))
  }

  async #post({ realm, service, scope, registry }: TokenRequest, grant: Readonly<Record<string, string>>): Promise<Token> {
    const { forms, signal } = this.#init
    const form = new URLSearchParams({ client_id: CLIENT_ID, ...grant })
    if (service !== undefined) form.set('service', service)
    if (scope !== undefined) form.set('scope', scope)
    const shown = redactUrl(realm.href)
    const { status, body } = await forms(registry, realm).post(realm, form, MAX_ANSWER, signal)
    // A grant that is not accepted is a bad request to OAuth 2.
    if (status !== 200) throw statusError(status === 400 ? 401 : status, shown, '')
    return readToken(body, shown)
  }
}

function readToken(bytes: Buffer, shown: string): Token {
  const answer = answerSchema.safeParse(jsonOf(bytes)).data
  const token = answer?.token ?? answer?.access_token
  if (answer === undefined || token === undefined) throw new DamselflyError('ORIGIN_STATUS', `${shown} answered without a token`)
  const seconds = Math.min(answer.expires_in ?? USUAL_LIFETIME, LONGEST_LIFETIME)
  return { token, lifetimeMs: seconds * 1000 * USABLE }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
