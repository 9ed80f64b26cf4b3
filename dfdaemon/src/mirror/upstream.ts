import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { RegistryAccess } from '@damselfly/cdn'
import { DamselflyError, isDamselflyError, messageOf, systemCode } from '@damselfly/shared'
import { Agent, Pool, request } from 'undici'
import { tlsOptions, type RegistryTls } from '../http/registry-tls.ts'

type RegistryLogin = NonNullable<Awaited<ReturnType<RegistryAccess['login']>>>
type RegistryScope = ReturnType<RegistryAccess['scope']>

/** For DNS, TCP and TLS together; milliseconds. */
const CONNECT_TIMEOUT = 10_000
/** From the request to the end of the answer's headers, and between two parts of a body; milliseconds. */
const SILENCE = 30_000

export interface UpstreamRequest {
  readonly method: string
  readonly registry: string
  /** Undefined: what is asked concerns none. */
  readonly repository: string | undefined
  /** From `/v2/` on. */
  readonly path: string
  /** As the client sent them; what concerns its connection only is left out. */
  readonly headers: IncomingHttpHeaders
  readonly body?: Readable | undefined
  readonly signal: AbortSignal
}

export interface UpstreamAnswer {
  /** With what the registry let itself be asked: the client's own, else ours; undefined: nothing. */
  readonly authorization: string | undefined
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read to its end, or destroyed. */
  readonly body: Readable
}

/** Of a connection, not of what goes over it (RFC 9110, 7.6.1); `host` and `expect` are the client's own too. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What our own login may be used for: whoever reaches the mirror has it. */
const READING = new Set(['GET', 'HEAD'])

/** How registries refuse who is not known, or not well enough. */
const REFUSED = new Set([401, 403])

/** Asks registries what is not a content, in the words of the client, or logged in where it brings no login of its own. */
export class Upstream {
  readonly #access: RegistryAccess
  readonly #agents = new Map<RegistryTls | undefined, Agent>()

  constructor(access: RegistryAccess) {
    this.#access = access
  }

  /** @throws DamselflyError ORIGIN_UNREACHABLE, ORIGIN_TLS, CONFIG_INVALID; as whoever gives tokens; the signal's reason */
  async send(asked: UpstreamRequest): Promise<UpstreamAnswer> {
    const { method, registry, repository, headers, signal } = asked
    const { authorization: own } = headers
    const login = READING.has(method) ? await this.#loginOf(registry, own) : undefined
    const isAnonymous = login === undefined && own === undefined && repository !== undefined && READING.has(method)
    if (isAnonymous) return await this.#askAnonymously(asked, this.#access.scope(registry, repository, undefined))
    if (login === undefined) return await this.#ask(asked, own)
    const scope = this.#access.scope(registry, repository, login)
    const known = this.#access.known(scope)
    const answer = await this.#ask(asked, known)
    if (answer.status !== 401) return answer
    const { 'www-authenticate': challenge = '' } = answer.headers
    const authorization = await this.#answerTo(challenge, scope, known, signal)
    if (authorization === undefined || authorization === known) return answer
    answer.body.resume()
    return await this.#ask(asked, authorization)
  }

  /**
   * Whoever may see a repository without a login need not know how tokens are fetched, which podman does not through a mirror;
   * whoever may not hears how to log in.
   */
  async #askAnonymously(asked: UpstreamRequest, scope: RegistryScope): Promise<UpstreamAnswer> {
    const known = this.#access.known(scope)
    const remembered = known === undefined ? undefined : await this.#ask(asked, known)
    if (remembered !== undefined && !REFUSED.has(remembered.status)) return remembered
    remembered?.body.resume()
    const refusal = await this.#ask(asked, undefined)
    if (refusal.status !== 401) return refusal
    const authorization = await this.#answerTo(refusal.headers['www-authenticate'] ?? '', scope, known, asked.signal)
    if (authorization === undefined) return refusal
    const answer = await this.#ask(asked, authorization)
    const [shown, dropped] = REFUSED.has(answer.status) ? [refusal, answer] : [answer, refusal]
    dropped.body.resume()
    return { ...shown, authorization: undefined }
  }

  /** Names and passwords are for whoever gives tokens, if the registry wants those; anything else is sent as it is. */
  async #loginOf(registry: string, authorization: string | undefined): Promise<RegistryLogin | undefined> {
    if (authorization === undefined) return await this.#access.login(registry)
    return /^basic /i.test(authorization) ? { type: 'basic', authorization } : undefined
  }

  /** @returns undefined also when whoever gives tokens refuses: the registry's own refusal is what to show then */
  async #answerTo(challenge: string, scope: RegistryScope, refused: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#access.answer(challenge, scope, refused, signal)
    } catch (error) {
      // What an anonymous client cannot be given here it may still get by itself.
      if (isDamselflyError(error, 'ORIGIN_UNAUTHORIZED') || scope.login === undefined) return undefined
      throw error
    }
  }

  /** With what a registry let itself be asked the last time for a client that brings nothing. */
  async ownAuthorization(registry: string, repository: string): Promise<string | undefined> {
    const login = await this.#access.login(registry)
    return login === undefined ? undefined : this.#access.known(this.#access.scope(registry, repository, login))
  }

  /** Breaks what is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()))
  }

  async #ask({ method, registry, path, headers, body, signal }: UpstreamRequest, authorization: string | undefined): Promise<UpstreamAnswer> {
    const endpoint = this.#access.endpoint(registry)
    try {
      const answer = await request(endpoint + path, {
        dispatcher: this.#agentFor(registry),
        method,
        headers: endToEnd({ ...headers, authorization }),
        body: body ?? null,
        // After a HEAD the client would close the connection otherwise, in case that its answer has a body.
        reset: false,
        signal,
      })
      return { authorization, status: answer.statusCode, headers: endToEnd(answer.headers), body: answer.body }
    } catch (error) {
      signal.throwIfAborted()
      throw requestFailure(endpoint, error)
    }
  }

  #agentFor(registry: string): Agent {
    const tls = this.#access.tls(registry)
    const agent = this.#agents.get(tls) ?? createAgent(tls)
    this.#agents.set(tls, agent)
    return agent
  }
}

function createAgent(tls: RegistryTls | undefined): Agent {
  return new Agent({
    connectTimeout: CONNECT_TIMEOUT,
    headersTimeout: SILENCE,
    bodyTimeout: SILENCE,
    factory: (origin, options) => new Pool(origin, options),
    connect: tlsOptions(tls),
  })
}

function requestFailure(endpoint: string, error: unknown): DamselflyError {
  const isTls = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO$)/.test(systemCode(error) ?? '')
  const code = isTls ? 'ORIGIN_TLS' : 'ORIGIN_UNREACHABLE'
  return new DamselflyError(code, `${endpoint} does not answer: ${messageOf(error)}`, { cause: error })
}

/** Without what concerns the connection on which they came. */
export function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/))
  return Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => value !== undefined && !OF_THE_CONNECTION.has(name) && !named.has(name)),
  )
}
