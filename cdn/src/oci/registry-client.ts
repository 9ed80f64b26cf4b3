import type { HeaderMap } from '@damselfly/shared'
import { OriginStatus } from '../origin-status.ts'
import type { OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import type { RegistryAccess } from './registry-access.ts'
import type { RegistryLogin } from './registry-login.ts'

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

/** Speaks the distribution API of registries over HTTP, and logs in where they want it. */
export class RegistryClient {
  readonly #access: RegistryAccess

  constructor(access: RegistryAccess) {
    this.#access = access
  }

  /** @throws DamselflyError as the source client of HTTP does */
  async probe(request: RegistryRequest): Promise<OriginInfo> {
    return await this.#authorized(request, (client, asked) => client.probe(asked))
  }

  /** @throws DamselflyError as the source client of HTTP does */
  async read(request: RegistryRequest): Promise<OriginResponse> {
    return await this.#authorized(request, (client, asked) => client.read(asked))
  }

  async #authorized<T>(request: RegistryRequest, ask: (client: SourceClient, asked: OriginRequest) => Promise<T>): Promise<T> {
    const { registry, repository, path, signal } = request
    const access = this.#access
    const client = access.client(registry)
    const url = `${access.endpoint(registry)}/v2/${access.repository(registry, repository)}/${path}`
    const askAs = (authorization: string | undefined): Promise<T> => ask(client, { ...request, url, headers: headersOf(request, authorization) })
    const own = request.headers.get('authorization')
    const login = own === undefined ? await access.login(registry) : basicOf(own)
    if (own !== undefined && login === undefined) return await askAs(own)
    const scope = access.scope(registry, repository, login)
    const known = access.known(scope)
    try {
      return await askAs(known)
    } catch (error) {
      const answer = await access.answer(challengeOf(error), scope, known, signal)
      if (answer === undefined || answer === known) throw error
      return await askAs(answer)
    }
  }
}

function basicOf(authorization: string): RegistryLogin | undefined {
  return /^basic /i.test(authorization) ? { type: 'basic', authorization } : undefined
}

function headersOf({ accept }: RegistryRequest, authorization: string | undefined): HeaderMap {
  const headers = new Map<string, string>()
  if (accept !== undefined) headers.set('accept', accept)
  if (authorization !== undefined) headers.set('authorization', authorization)
  return headers
}

function challengeOf(error: unknown): string {
  const status = error instanceof Error ? error.cause : undefined
  return status instanceof OriginStatus ? status.challenge : ''
}
