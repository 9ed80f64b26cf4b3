import { createHash } from 'node:crypto'
import { DamselflyError, type Clock } from '@damselfly/shared'
import { createMemory } from '../fetch-once/memory.ts'
import { orAborted } from '../fetch-once/waiting.ts'
import type { Challenge } from './challenge.ts'
import type { RegistryLogin } from './registry-login.ts'
import type { TokenClient, TokenRequest } from './token-client.ts'

/** What somebody wants to do, and as whom. */
export interface RegistryScope {
  /** Base URL of the registry. */
  readonly endpoint: URL
  /** Undefined: the registry as such. */
  readonly repository: string | undefined
  /** Undefined: anonymously. */
  readonly login: RegistryLogin | undefined
}

export interface RegistryAuthInit {
  readonly tokens: Pick<TokenClient, 'fetch'>
  readonly clock: Clock
}

/** Repositories and callers for which an answer is remembered. */
const REMEMBERED = 1024
/** How long a registry that wants Basic is taken to want it still; milliseconds. */
const BASIC_MEMORY = 600_000

interface Known {
  readonly authorization: string
}

/** Answers the challenges of registries, and remembers the answers for as long as they hold. */
export class RegistryAuth {
  readonly #init: RegistryAuthInit
  readonly #known
  readonly #asking = new Map<string, Promise<Known>>()

  constructor(init: RegistryAuthInit) {
    this.#init = init
    this.#known = createMemory<Known>(REMEMBERED, BASIC_MEMORY, init.clock)
  }

  /** The Authorization header that was right the last time. */
  known(scope: RegistryScope): string | undefined {
    return this.#known.get(keyOf(scope))?.authorization
  }

  /**
   * What to send instead, now that the registry has refused.
   *
   * @param refused what was sent; what others have got since then serves
   * @returns undefined when nothing that is known here would convince it
   * @throws DamselflyError as the source client of HTTP does, for the server that gives tokens; the signal's reason
   */
  async answer(challenges: readonly Challenge[], scope: RegistryScope, refused: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    const key = keyOf(scope)
    const known = this.#known.get(key)?.authorization
    if (known !== undefined && known !== refused) return known
    this.#known.delete(key)
    const { login } = scope
    if (login?.type === 'bearer') return this.#remember(key, `Bearer ${login.token}`).authorization
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    if (bearer !== undefined) return (await orAborted(this.#ask(key, bearer, { ...scope, login }), signal)).authorization
    const wantsBasic = challenges.some(({ scheme }) => scheme === 'basic')
    return wantsBasic && login?.type === 'basic' ? this.#remember(key, login.authorization).authorization : undefined
  }

  /** Whoever wants the same at the same time shares one token. */
  #ask(key: string, bearer: Challenge, scope: TokenScope): Promise<Known> {
    const asking = this.#asking.get(key) ?? this.#fetch(key, bearer, scope).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    // Who waits for it may have gone when it fails.
    asking.catch(() => undefined)
    return asking
  }

  async #fetch(key: string, { parameters }: Challenge, scope: TokenScope): Promise<Known> {
    const { token, lifetimeMs } = await this.#init.tokens.fetch(tokenRequest(parameters, scope))
    return this.#remember(key, `Bearer ${token}`, lifetimeMs)
  }

  #remember(key: string, authorization: string, lifetimeMs = BASIC_MEMORY): Known {
    const known = { authorization }
    // A cache takes a time of 0 for none.
    this.#known.set(key, known, { ttl: Math.max(1, lifetimeMs) })
    return known
  }
}

type TokenScope = Pick<RegistryScope, 'endpoint' | 'repository'> & Pick<TokenRequest, 'login'>

/** @throws DamselflyError ORIGIN_UNAUTHORIZED */
function tokenRequest(parameters: ReadonlyMap<string, string>, { endpoint, repository, login }: TokenScope): TokenRequest {
  const realm = URL.parse(parameters.get('realm') ?? '')
  const refuse = (why: string): DamselflyError => new DamselflyError('ORIGIN_UNAUTHORIZED', `${endpoint.host} sends for a token ${why}`)
  if (realm === null || !/^https?:$/.test(realm.protocol)) throw refuse('to what is no http: or https: URL')
  // Passwords go there.
  if (endpoint.protocol === 'https:' && realm.protocol === 'http:') throw refuse(`to ${realm.host} without TLS`)
  const usualScope = repository === undefined ? undefined : `repository:${repository}:pull`
  return { realm, service: parameters.get('service'), scope: parameters.get('scope') ?? usualScope, registry: endpoint, login }
}

/** A key that no two different scopes share, and that gives no password away. */
function keyOf({ endpoint, repository, login }: RegistryScope): string {
  return createHash('sha256').update(JSON.stringify([endpoint.origin, repository ?? null, login ?? null])).digest('base64')
}
