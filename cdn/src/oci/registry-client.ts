import type { Clock, HeaderMap } from '@damselfly/shared'
import { OriginStatus } from '../origin-status.ts'
import type { OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import { parseChallenges } from './challenge.ts'
import { RegistryAuth, type RegistryScope } from './registry-auth.ts'
import type { RegistrySettings } from './registry-settings.ts'
import { TokenClient } from './token-client.ts'

export interface RegistryClientInit {
  readonly http: SourceClient
  /** Refuses private addresses that are not configured as allowed, whoever names them. */
  readonly checkedHttp: SourceClient
  readonly registries: readonly RegistrySettings[]
  readonly clock: Clock
}

/** One request to a registry's API. */
export interface RegistryRequest extends Pick<OriginRequest, 'range' | 'signal'> {
  /** `host` or `host:port` */
  readonly registry: string
  readonly repository: string
  /** Below the repository, such as `manifests/latest`. */
  readonly path: string
  /** Media types, as in an Accept header. */
  readonly accept?: string | undefined
  /** Of the caller: Basic is logged in with, anything else is sent as it is. */
  readonly headers: HeaderMap
}

/** Docker Hub answers under another name than images carry. */
const DOCKER_HUB = { name: 'docker.io', host: 'registry-1.docker.io' }

/** Speaks the distribution API of registries over HTTP, and logs in where they want it. */
export class RegistryClient {
  readonly #init: RegistryClientInit
  readonly #stop = new AbortController()
  readonly #auth: RegistryAuth

  constructor(init: RegistryClientInit) {
    this.#init = init
    const { http, checkedHttp, clock } = init
    this.#auth = new RegistryAuth({ tokens: new TokenClient({ http, checkedHttp, signal: this.#stop.signal }), clock })
  }

  /** @throws DamselflyError as the source client of HTTP does */
  async probe(request: RegistryRequest): Promise<OriginInfo> {
    return await this.#authorized(request, (asked) => this.#init.http.probe(asked))
  }

  /** @throws DamselflyError as the source client of HTTP does */
  async read(request: RegistryRequest): Promise<OriginResponse> {
    return await this.#authorized(request, (asked) => this.#init.http.read(asked))
  }

  /** Breaks what is under way. */
  close(): void {
    this.#stop.abort(new Error('the registry client was closed'))
  }

  async #authorized<T>(request: RegistryRequest, ask: (asked: OriginRequest) => Promise<T>): Promise<T> {
    const { endpoint, repository, basic } = this.#scopeOf(request)
    const scope = { endpoint, repository, basic }
    const url = new URL(`/v2/${repository}/${request.path}`, endpoint).href
    const askAs = (authorization: string | undefined): Promise<T> => ask({ ...request, url, headers: headersOf(request, authorization) })
    const own = request.headers.get('authorization')
    if (own !== undefined && own !== basic) return await askAs(own)
    const known = this.#auth.known(scope)
    try {
      return await askAs(known)
    } catch (error) {
      const challenges = challengesOf(error)
      if (challenges.length === 0) throw error
      this.#auth.forget(scope)
      const answer = await this.#auth.answer(challenges, scope, request.signal)
      if (answer === undefined || answer === known) throw error
      return await askAs(answer)
    }
  }

  #scopeOf({ registry, repository, headers }: RegistryRequest): RegistryScope {
    const settings = this.#init.registries.find(({ host }) => host === registry)
    const isHub = registry === DOCKER_HUB.name
    const own = headers.get('authorization')
    return {
      endpoint: new URL(`${settings?.plainHttp === true ? 'http' : 'https'}://${isHub ? DOCKER_HUB.host : registry}/`),
      repository: isHub && !repository.includes('/') ? `library/${repository}` : repository,
      basic: own !== undefined && /^basic /i.test(own) ? own : basicOf(settings),
    }
  }
}

function basicOf(settings: RegistrySettings | undefined): string | undefined {
  if (settings?.username === undefined || settings.password === undefined) return undefined
  return `Basic ${Buffer.from(`${settings.username}:${settings.password.reveal()}`, 'utf8').toString('base64')}`
}

function headersOf({ accept }: RegistryRequest, authorization: string | undefined): HeaderMap {
  const headers = new Map<string, string>()
  if (accept !== undefined) headers.set('accept', accept)
  if (authorization !== undefined) headers.set('authorization', authorization)
  return headers
}

function challengesOf(error: unknown): ReturnType<typeof parseChallenges> {
  const status = error instanceof Error ? error.cause : undefined
  return status instanceof OriginStatus ? parseChallenges(status.challenge) : []
}
