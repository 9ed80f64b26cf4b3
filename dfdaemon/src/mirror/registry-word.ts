import { isDamselflyError, parseDigest, type Clock } from '@damselfly/shared'
import type { RegistryAccess } from '@damselfly/cdn'
import type { Logger } from '@damselfly/shared/logging'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { STALE_HEADER } from '../api/protocol.ts'
import { whileConnected } from '../http/while-connected.ts'
import { Access, keyOfVisit, type Visit } from './access.ts'
import type { MirrorMetrics } from './mirror-metrics.ts'
import { repositoryOf } from './pass-through.ts'
import type { RegistryRequest, TagTarget } from './registry-request.ts'
import { Tags, type Resolution } from './tags.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

export interface RegistryWordSettings {
  /** How long a tag counts as what the registry said that it means; milliseconds, 0: each request asks. */
  readonly tagMemoryMs: number
  /** How long somebody whom the registry let in counts as let in; milliseconds. */
  readonly accessMemoryMs: number
  /** How long what a registry said counts while it fails; milliseconds, 0: not at all. */
  readonly staleIfErrorMs: number
}

export interface RegistryWordInit {
  readonly upstream: Upstream
  readonly registries: RegistryAccess
  readonly settings: RegistryWordSettings
  readonly metrics: MirrorMetrics
  readonly clock: Clock
  readonly logger: Logger
}

/** A client's request with the answer to it. */
export interface Exchange {
  readonly asked: RegistryRequest
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** The registry said so before, and cannot be asked now. */
const STILL_ADMITTED = Symbol('still admitted')

/** What registries say of tags, callers and lengths, remembered for as long as the settings allow. */
export class RegistryWord {
  readonly #init: RegistryWordInit
  readonly #access: Access
  readonly #tags: Tags

  constructor(init: RegistryWordInit) {
    const { tagMemoryMs, accessMemoryMs, staleIfErrorMs } = init.settings
    this.#init = init
    this.#access = new Access(accessMemoryMs, staleIfErrorMs, init.clock)
    this.#tags = new Tags(tagMemoryMs, staleIfErrorMs, init.clock)
  }

  /** What a tag means to this caller. @returns undefined when the registry does not say */
  async resolution(exchange: Exchange, { repository, tag }: TagTarget): Promise<Resolution | undefined> {
    const { asked, request } = exchange
    const visit = visitOf(asked, repository, request)
    const { accept = '' } = request.headers
    const key = JSON.stringify([keyOfVisit(visit), tag, accept])
    return this.#tags.get(key) ?? (await this.#resolve(exchange, visit, key))
  }

  /** Whether this caller may have what is in the repository. */
  async isAdmitted(exchange: Exchange, repository: string): Promise<boolean> {
    const { asked, request } = exchange
    const visit = visitOf(asked, repository, request)
    if (this.#access.isAdmitted(visit) && !(await this.#mustLogIn(asked.registry, repository, request))) return true
    const answer = await this.#askOrElse(exchange, () => (this.#access.wasAdmitted(visit) ? STILL_ADMITTED : undefined))
    if (answer === STILL_ADMITTED) {
      this.#noteStale('access', asked)
      return true
    }
    this.#access.learn(visit, answer.status)
    // A registry that fails with this content may still say who may see its repository.
    if (answer.status >= 500) await this.#askForRepository(exchange, visit)
    return this.#access.isAdmitted(visit)
  }

  /** Of the content that is asked for. @returns bytes; undefined when the registry does not tell */
  async lengthOf(exchange: Exchange): Promise<number | undefined> {
    const { status, headers, body } = await this.#ask(exchange)
    body.resume()
    const length = Number(headers['content-length'])
    return status === 200 && Number.isSafeInteger(length) ? length : undefined
  }

  /** What the registry answered by itself tells of this caller too, and of tags that it has just changed. */
  learn({ asked, request }: Exchange, status: number): void {
    if ('repository' in asked.target) this.#access.learn(visitOf(asked, asked.target.repository, request), status)
    if (!isReading(request)) this.#tags.askAgain()
  }

  async #resolve(exchange: Exchange, visit: Visit, key: string): Promise<Resolution | undefined> {
    const answer = await this.#askOrElse(exchange, () => this.#tags.getStale(key))
    if ('resolution' in answer) {
      this.#noteStale('tag', exchange.asked)
      void exchange.reply.headers({ [STALE_HEADER]: 'registry-failed', age: Math.floor(answer.ageMs / 1000) })
      return answer.resolution
    }
    this.#access.learn(visit, answer.status)
    const resolution = resolutionOf(answer)
    if (resolution !== undefined) this.#tags.set(key, resolution)
    else if (answer.status < 500) this.#tags.delete(key)
    return resolution
  }

  /** @param otherwise what counts where the registry fails; undefined: nothing does */
  async #askOrElse<T extends object | symbol>(exchange: Exchange, otherwise: () => T | undefined): Promise<UpstreamAnswer | T> {
    try {
      const answer = await this.#ask(exchange)
      answer.body.resume()
      return answer.status >= 500 ? (otherwise() ?? answer) : answer
    } catch (error) {
      const other = isDamselflyError(error, 'ORIGIN_UNREACHABLE') ? otherwise() : undefined
      if (other === undefined) throw error
      return other
    }
  }

  /** Our own login lasts for a while only, and the peer needs it too. */
  async #mustLogIn(registry: string, repository: string, { headers }: FastifyRequest): Promise<boolean> {
    const { registries, upstream } = this.#init
    if (headers.authorization !== undefined || (await registries.login(registry)) === undefined) return false
    return (await upstream.ownAuthorization(registry, repository)) === undefined
  }

  async #askForRepository(exchange: Exchange, visit: Visit): Promise<void> {
    const asked = { ...exchange.asked, path: `/v2/${visit.repository}/tags/list?n=1` }
    const { status, body } = await this.#ask({ ...exchange, asked }, 'GET')
    body.resume()
    this.#access.learn(visit, status)
  }

  async #ask({ asked, request, reply }: Exchange, method: 'HEAD' | 'GET' = 'HEAD'): Promise<UpstreamAnswer> {
    const { range: _part, ...headers } = request.headers
    return await this.#init.upstream.send({ method, ...asked, repository: repositoryOf(asked), headers, signal: whileConnected(reply.raw) })
  }

  #noteStale(what: 'tag' | 'access', { registry, path }: RegistryRequest): void {
    this.#init.metrics.usedStale(what)
    this.#init.logger.warn({ registry, path, what }, 'a registry fails, and what it said before counts')
  }
}

export function isReading({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

function resolutionOf({ status, headers }: UpstreamAnswer): Resolution | undefined {
  const digest = parseDigest(String(headers['docker-content-digest'] ?? ''))
  const contentType = headers['content-type']
  const contentLength = Number(headers['content-length'])
  if (status !== 200 || digest === undefined || contentType === undefined || !Number.isSafeInteger(contentLength)) return undefined
  return { digest, contentType, contentLength }
}

function visitOf({ registry }: RegistryRequest, repository: string, { headers }: FastifyRequest): Visit {
  return { registry, repository, authorization: headers.authorization }
}
