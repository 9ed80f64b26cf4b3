import type { IncomingMessage, ServerResponse } from 'node:http'
import { canonicalName, type RegistryAccess, type SourceClient } from '@damselfly/cdn'
import { DamselflyError, formatDigest, parseDigest, toDamselflyError, type Clock, type Sha256 } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Registry } from '@damselfly/shared/metrics'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { asksForSuffix } from '../http/range.ts'
import { whileConnected } from '../http/while-connected.ts'
import type { Peer } from '../peer/peer.ts'
import { Access, keyOfVisit, type Visit } from './access.ts'
import { ContentAnswers, type NamedContent } from './content-answers.ts'
import { asksHowToLogIn, honestLogin, sayHowToLogIn } from './mirror-login.ts'
import { MirrorMetrics } from './mirror-metrics.ts'
import { passThrough, repositoryOf } from './pass-through.ts'
import { registryError, registryRefusal } from './registry-error.ts'
import { readRegistryRequest, type RegistryRequest, type RegistryTarget } from './registry-request.ts'
import { resolutionHeaders, Tags, type Resolution } from './tags.ts'
import { Upstream } from './upstream.ts'

export interface MirrorSettings {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** The registry of requests that name none. */
  readonly usual: string
  /** How long a tag counts as what the registry said that it means; milliseconds, 0: each request asks. */
  readonly tagMemoryMs: number
  /** How long somebody whom the registry let in counts as let in; milliseconds. */
  readonly accessMemoryMs: number
  /** How many layers of an image are fetched ahead of the one that a client takes. */
  readonly readAhead: number
  /** How long a source of a content may bring nothing before another one is asked; milliseconds. */
  readonly stallMs: number
}

export interface MirrorInit {
  readonly peer: Peer
  /** Reads from registries past the peer; whoever created it closes it. */
  readonly source: SourceClient
  /** How registries are reached; whoever created it closes it. */
  readonly registries: RegistryAccess
  readonly registry: Registry
  readonly settings: MirrorSettings
  readonly clock: Clock
  readonly logger: Logger
}

/** Partial pulls name each missing chunk in one Range header; bytes. */
const MAX_HEADER_BYTES = 128 * 1024

/** Serves registries to container tools, contents by their digests through the swarm and the rest as it is. */
export class Mirror {
  readonly #init: MirrorInit
  readonly #upstream: Upstream
  readonly #access: Access
  readonly #tags: Tags
  readonly #contents: ContentAnswers
  #app: FastifyInstance | undefined
  #stopped: Promise<void> | undefined

  constructor(init: MirrorInit) {
    const { settings, clock } = init
    this.#init = init
    this.#upstream = new Upstream(init.registries)
    this.#access = new Access(settings.accessMemoryMs, clock)
    this.#tags = new Tags(settings.tagMemoryMs, clock)
    this.#contents = new ContentAnswers({ ...init, stallMs: settings.stallMs, readAhead: settings.readAhead, metrics: new MirrorMetrics(init.registry) })
  }

  /** @returns where it listens, such as `http://127.0.0.1:65001` @throws DamselflyError ADDRESS_IN_USE */
  async start(): Promise<string> {
    const { host, port } = this.#init.settings
    const app = this.#createApp()
    this.#app = app
    try {
      return await app.listen({ host, port })
    } catch (error) {
      await app.close()
      const reason = toDamselflyError(error).message
      throw new DamselflyError('ADDRESS_IN_USE', `cannot listen on ${host}:${port} (mirror.port): ${reason}`, { cause: error })
    }
  }

  /** Answers a request that came another way; `?ns=` says which registry it means. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    this.#app?.routing(request, response)
  }

  /** Whether this registry is asked without TLS. */
  asksPlainly(registry: string): boolean {
    return this.#init.registries.endpoint(registry).startsWith('http:')
  }

  /** Lets answers end within `graceMs`. Idempotent. */
  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#end(graceMs)
    return this.#stopped
  }

  async #end(graceMs: number): Promise<void> {
    const app = this.#app
    if (app === undefined) return
    const cancel = this.#init.clock.after(graceMs, () => app.server.closeAllConnections())
    this.#contents.stop()
    await app.close()
    cancel()
    await this.#upstream.close()
  }

  #createApp(): FastifyInstance {
    const app = fastify({ logger: false, exposeHeadRoutes: false, http: { maxHeaderSize: MAX_HEADER_BYTES } })
    // Bodies belong to the registry, whatever they are.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.setErrorHandler((error, _request, reply) => refuse(reply, registryError(error)))
    app.all('/*', (request, reply) => this.#respond(request, reply))
    return app
  }

  async #respond(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const asked = readRegistryRequest(request.url, this.#init.settings.usual)
    if (asked === undefined) return refuse(reply, registryRefusal(404, 'this is a mirror of registries: paths begin with /v2/', 'USAGE'))
    request.headers.authorization = honestLogin(request.headers)
    if (asksHowToLogIn(asked, request.headers)) await sayHowToLogIn(reply, request.headers.authorization !== undefined)
    else if (!(await this.#answerContent(asked, request, reply))) await this.#passThrough(asked, request, reply)
    return reply
  }

  /** @returns false when the registry is to answer */
  async #answerContent(asked: RegistryRequest, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { target } = asked
    if (target.type === 'blob' && request.method === 'HEAD') void reply.header('accept-ranges', 'bytes')
    if (target.type === 'tag' && (request.method === 'GET' || request.method === 'HEAD')) return await this.#tag(asked, target, request, reply)
    if (request.method !== 'GET' || target.type === 'other' || target.type === 'tag') return false
    if (!(await this.#isAdmitted(asked, target, request, reply))) return false
    const wanted = await this.#named(asked, target.repository, target.digest, request)
    if (target.type === 'manifest') return await this.#contents.manifest(wanted, undefined, reply)
    const contentLength = asksForSuffix(request.headers.range) ? await this.#lengthOf(asked, request, reply) : undefined
    return await this.#contents.blob(wanted, contentLength, request, reply)
  }

  async #tag(
    asked: RegistryRequest,
    { repository, tag }: Extract<RegistryTarget, { readonly type: 'tag' }>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<boolean> {
    const visit = visitOf(asked, repository, request)
    const { accept = '' } = request.headers
    const key = JSON.stringify([keyOfVisit(visit), tag, accept])
    const resolution = this.#tags.get(key) ?? (await this.#resolve(asked, visit, request, reply))
    if (resolution === undefined) return false
    if (this.#init.settings.tagMemoryMs > 0) this.#tags.set(key, resolution)
    if (request.method === 'HEAD') {
      await reply.headers(resolutionHeaders(resolution)).send()
      return true
    }
    const wanted = await this.#named(asked, repository, resolution.digest, request)
    return await this.#contents.manifest(wanted, resolution.contentType, reply)
  }

  /** Asks the registry what a tag means. @returns undefined when it does not say */
  async #resolve(asked: RegistryRequest, visit: Visit, request: FastifyRequest, reply: FastifyReply): Promise<Resolution | undefined> {
    const { status, headers, body } = await this.#ask(asked, request, reply)
    body.resume()
    this.#access.learn(visit, status)
    const digest = parseDigest(String(headers['docker-content-digest'] ?? ''))
    const contentType = headers['content-type']
    const contentLength = Number(headers['content-length'])
    if (status !== 200 || digest === undefined || contentType === undefined || !Number.isSafeInteger(contentLength)) return undefined
    return { digest, contentType, contentLength }
  }

  async #named({ registry }: RegistryRequest, repository: string, digest: Sha256, { headers }: FastifyRequest): Promise<NamedContent> {
    // Preheats and other nodes name it so too, whatever this one calls its registry.
    const url = `oci://${canonicalName(registry)}/${this.#init.registries.repository(registry, repository)}@${formatDigest(digest)}`
    return { url, digest, authorization: headers.authorization ?? (await this.#upstream.ownAuthorization(registry, repository)) }
  }

  /** By the registry's word, to this caller. */
  async #isAdmitted(asked: RegistryRequest, { repository }: { readonly repository: string }, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const visit = visitOf(asked, repository, request)
    if (this.#access.isAdmitted(visit) && !(await this.#mustLogIn(asked.registry, repository, request))) return true
    const { status, body } = await this.#ask(asked, request, reply)
    body.resume()
    this.#access.learn(visit, status)
    // A registry that fails with this content may still say who may see its repository.
    if (status >= 500) await this.#askForRepository(asked, visit, request, reply)
    return this.#access.isAdmitted(visit)
  }

  /** Our own login lasts for a while only, and the peer needs it too. */
  async #mustLogIn(registry: string, repository: string, { headers }: FastifyRequest): Promise<boolean> {
    if (headers.authorization !== undefined || (await this.#init.registries.login(registry)) === undefined) return false
    return (await this.#upstream.ownAuthorization(registry, repository)) === undefined
  }

  async #askForRepository(asked: RegistryRequest, visit: Visit, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { status, body } = await this.#ask({ ...asked, path: `/v2/${visit.repository}/tags/list?n=1` }, request, reply, 'GET')
    body.resume()
    this.#access.learn(visit, status)
  }

  /** @returns undefined when the registry does not tell */
  async #lengthOf(asked: RegistryRequest, request: FastifyRequest, reply: FastifyReply): Promise<number | undefined> {
    const { status, headers, body } = await this.#ask(asked, request, reply)
    body.resume()
    const length = Number(headers['content-length'])
    return status === 200 && Number.isSafeInteger(length) ? length : undefined
  }

  async #ask(asked: RegistryRequest, request: FastifyRequest, reply: FastifyReply, method: 'HEAD' | 'GET' = 'HEAD'): ReturnType<Upstream['send']> {
    const { range: _part, ...headers } = request.headers
    return await this.#upstream.send({ method, ...asked, repository: repositoryOf(asked), headers, signal: whileConnected(reply.raw) })
  }

  async #passThrough(asked: RegistryRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { status } = await passThrough(this.#upstream, asked, this.#init.registries.endpoint(asked.registry), request, reply)
    if (asked.target.type !== 'other') this.#access.learn(visitOf(asked, asked.target.repository, request), status)
  }
}

function visitOf({ registry }: RegistryRequest, repository: string, { headers }: FastifyRequest): Visit {
  return { registry, repository, authorization: headers.authorization }
}

function refuse(reply: FastifyReply, { status, body }: ReturnType<typeof registryRefusal>): FastifyReply {
  return reply.code(status).send(body)
}
