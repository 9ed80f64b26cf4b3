import type { Clock } from '@damselfly/shared'
import { FormClient } from '../http/form-client.ts'
import { createHttpSource, type HttpSourceInit } from '../http/http-source.ts'
import type { SourceClient } from '../source-client.ts'
import { parseChallenges } from './challenge.ts'
import { DockerLogins } from './docker-logins.ts'
import { Registries, type RegistryTls } from './registries.ts'
import { RegistryAuth, type RegistryScope } from './registry-auth.ts'
import { configuredLogin, type RegistryLogin } from './registry-login.ts'
import type { RegistryOptions } from './registry-settings.ts'
import { TokenClient } from './token-client.ts'

export interface RegistryAccessInit {
  /** Speaks to registries that need no TLS of their own; whoever created it closes it. */
  readonly http: SourceClient
  /** The same, but refuses private addresses that are not configured as allowed; closed with this, unless it is the same. */
  readonly checkedHttp: SourceClient
  /** Of what clients for registries with TLS of their own are made. */
  readonly httpInit?: HttpSourceInit | undefined
  readonly registries: readonly RegistryOptions[]
  /** Docker's `config.json`, whose logins are used besides. @default none */
  readonly dockerConfig?: string | undefined
  readonly clock: Clock
}

/** How registries are reached and logged in to: where each is, by which client, and with which answer to its challenges. */
export class RegistryAccess {
  readonly #init: RegistryAccessInit
  readonly #registries: Registries
  readonly #docker: DockerLogins | undefined
  readonly #auth: RegistryAuth
  readonly #stop = new AbortController()
  readonly #own = new Map<RegistryTls, SourceClient>()
  readonly #forms = new Map<string, FormClient>()

  /** @throws DamselflyError CONFIG_INVALID when a certificate cannot be read */
  constructor(init: RegistryAccessInit) {
    this.#init = init
    const { http, checkedHttp, registries, dockerConfig, clock } = init
    this.#registries = new Registries(registries)
    this.#docker = dockerConfig === undefined ? undefined : new DockerLogins(dockerConfig, clock)
    const forms = (registry: URL, realm: URL): FormClient => this.#formsTo(registry, realm)
    this.#auth = new RegistryAuth({ tokens: new TokenClient({ http, checkedHttp, forms, signal: this.#stop.signal }), clock })
  }

  /** @param registry its name as image references have it @returns its address, without a slash at the end */
  endpoint(registry: string): string {
    return this.#registries.endpoint(registry)
  }

  /** @returns undefined when the usual will do */
  tls(registry: string): RegistryTls | undefined {
    return this.#registries.tls(registry)
  }

  repository(registry: string, repository: string): string {
    return this.#registries.repository(registry, repository)
  }

  /** The client that trusts what this registry needs. */
  client(registry: string): SourceClient {
    const tls = this.#registries.tls(registry)
    if (tls === undefined) return this.#init.http
    const own = this.#own.get(tls) ?? this.#createClient(registry, tls)
    this.#own.set(tls, own)
    return own
  }

  /** This program's own login. @throws DamselflyError CONFIG_INVALID when it cannot be read */
  async login(registry: string): Promise<RegistryLogin | undefined> {
    return configuredLogin(this.#registries.settings(registry)) ?? (await this.#docker?.of(registry))
  }

  scope(registry: string, repository: string | undefined, login: RegistryLogin | undefined): RegistryScope {
    return {
      endpoint: new URL(this.endpoint(registry)),
      repository: repository === undefined ? undefined : this.repository(registry, repository),
      login,
    }
  }

  /** The Authorization header that was right the last time. */
  known(scope: RegistryScope): string | undefined {
    return this.#auth.known(scope)
  }

  /**
   * What to send now that the registry has refused what was known.
   *
   * @param challenge the value of its WWW-Authenticate header
   * @param refused what was sent
   * @returns undefined when nothing that is known here would convince it
   * @throws DamselflyError as the source client of HTTP does, for the server that gives tokens; the signal's reason
   */
  async answer(challenge: string, scope: RegistryScope, refused: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    const challenges = parseChallenges(challenge)
    return challenges.length === 0 ? undefined : await this.#auth.answer(challenges, scope, refused, signal)
  }

  /** Breaks what is under way. */
  async close(): Promise<void> {
    const { http, checkedHttp } = this.#init
    this.#stop.abort(new Error('the registry client was closed'))
    await Promise.all([...this.#own.values(), ...this.#forms.values(), ...(checkedHttp === http ? [] : [checkedHttp])].map((client) => client.close()))
  }

  #createClient(registry: string, { ca, identity, insecure }: RegistryTls): SourceClient {
    const { httpInit = { policy: {} }, clock } = this.#init
    const { host } = new URL(this.endpoint(registry))
    return createHttpSource({
      ...httpInit,
      clock,
      ca: [...(httpInit.ca ?? []), ...(ca === undefined ? [] : [ca])],
      insecure: [...(httpInit.insecure ?? []), ...(insecure ? [host] : [])],
      identities: identity === undefined ? [] : [{ origin: host, ...identity }],
    })
  }

  /** The registry's own host may be at a private address where its caller may be sent to. */
  #formsTo(registry: URL, realm: URL): FormClient {
    const { httpInit = { policy: {} }, clock } = this.#init
    const isOwn = realm.hostname === registry.hostname && httpInit.policy.trustRequestedHost === true
    const allow = [...(httpInit.policy.allow ?? []), ...(isOwn ? [registry.hostname] : [])]
    const key = JSON.stringify(allow)
    const forms =
      this.#forms.get(key) ??
      new FormClient({ ca: httpInit.ca ?? [], insecure: httpInit.insecure ?? [], lookup: httpInit.lookup, allow, userAgent: httpInit.userAgent ?? 'damselfly', clock })
    this.#forms.set(key, forms)
    return forms
  }
}
