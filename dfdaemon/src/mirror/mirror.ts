import type { IncomingMessage, ServerResponse } from 'node:http'
import { canonicalName, type RegistryAccess, type SourceClient } from '@damselfly/cdn'
import { DamselflyError, formatDigest, toDamselflyError, type Clock, type Sha256 } from '@damselfly/shared'
import { HTTP_LIMITS } from '@damselfly/shared/http-api'
import type { Logger } from '@damselfly/shared/logging'
import type { Registry } from '@damselfly/shared/metrics'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { asksForSuffix } from '../http/range.ts'
import type { Peer } from '../peer/peer.ts'
import { ContentAnswers, type NamedContent } from './content-answers.ts'
import { asksHowToLogIn, honestLogin, sayHowToLogIn } from './mirror-login.ts'
import { MirrorMetrics } from './mirror-metrics.ts'
import { passThrough } from './pass-through.ts'
import { registryError, registryRefusal } from './registry-error.ts'
import { readRegistryRequest, type TagTarget } from './registry-request.ts'
import { isReading, RegistryWord, type Exchange, type RegistryWordSettings } from './registry-word.ts'
import { resolutionHeaders } from './tags.ts'
import { Upstream } from './upstream.ts'

export interface MirrorSettings extends RegistryWordSettings {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** The registry of requests that name none. */
  readonly usual: string
  /** Clients that may be connected at once. @default 1024 */
  readonly maxConnections?: number
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

/** Longer than any registry or swarm may be silent; milliseconds. */
const IDLE_MS = 600_000

/** Serves registries to container tools, contents by their digests through the swarm and the rest as it is. */
export class Mirror {
  readonly #init: MirrorInit
  readonly #upstream: Upstream
  readonly #word: RegistryWord
  readonly #contents: ContentAnswers
  #app: FastifyInstance | undefined
  #stopped: Promise<void> | undefined

  constructor(init: MirrorInit) {
    const { stallMs, readAhead } = init.settings
    const metrics = new MirrorMetrics(init.registry)
    this.#init = init
    this.#upstream = new Upstream(init.registries)
    this.#word = new RegistryWord({ ...init, upstream: this.#upstream, metrics })
    this.#contents = new ContentAnswers({ ...init, stallMs, readAhead, metrics })
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
    const { maxConnections = HTTP_LIMITS.connections } = this.#init.settings
    const http = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HTTP_LIMITS.headersMs, connectionsCheckingInterval: HTTP_LIMITS.headersMs / 2 }
    // A push may take its time over its body, but may not stand still.
    const app = fastify({ logger: false, exposeHeadRoutes: false, connectionTimeout: IDLE_MS, http })
    app.server.maxConnections = maxConnections
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
    if (asked.target.type === 'nonsense' && isReading(request)) return refuse(reply, registryRefusal(400, 'what follows the colon is no digest', 'USAGE'))
    request.headers.authorization = honestLogin(request.headers)
    if (asksHowToLogIn(asked, request.headers)) await sayHowToLogIn(reply, request.headers.authorization !== undefined)
    else {
      const exchange = { asked, request, reply }
      if (!(await this.#answerContent(exchange))) await this.#passThrough(exchange)
    }
    return reply
  }

  /** @returns false when the registry is to answer */
  async #answerContent(exchange: Exchange): Promise<boolean> {
    const { request, reply } = exchange
    const { target } = exchange.asked
    if (target.type === 'blob' && request.method === 'HEAD') void reply.header('accept-ranges', 'bytes')
    if (target.type === 'tag' && isReading(request)) return await this.#tag(exchange, target)
    if (request.method !== 'GET' || !('digest' in target)) return false
    if (!(await this.#word.isAdmitted(exchange, target.repository))) return false
    const wanted = await this.#named(exchange, target.repository, target.digest)
    if (target.type === 'manifest') return await this.#contents.manifest(wanted, undefined, reply)
    const contentLength = asksForSuffix(request.headers.range) ? await this.#word.lengthOf(exchange) : undefined
    return await this.#contents.blob(wanted, contentLength, request, reply)
  }

  async #tag(exchange: Exchange, target: TagTarget): Promise<boolean> {
    const { request, reply } = exchange
    const resolution = await this.#word.resolution(exchange, target)
    if (resolution === undefined) return false
    if (request.method === 'HEAD') {
      await reply.headers(resolutionHeaders(resolution)).send()
      return true
    }
    const wanted = await this.#named(exchange, target.repository, resolution.digest)
    return await this.#contents.manifest(wanted, resolution.contentType, reply)
  }

  async #named({ asked: { registry }, request: { headers } }: Exchange, repository: string, digest: Sha256): Promise<NamedContent> {
    // Preheats and other nodes name it so too, whatever this one calls its registry.
    const url = `oci://${canonicalName(registry)}/${this.#init.registries.repository(registry, repository)}@${formatDigest(digest)}`
    return { url, digest, authorization: headers.authorization ?? (await this.#upstream.ownAuthorization(registry, repository)) }
  }

  async #passThrough(exchange: Exchange): Promise<void> {
    const { asked, request, reply } = exchange
    const { status } = await passThrough(this.#upstream, asked, this.#init.registries.endpoint(asked.registry), request, reply)
    this.#word.learn(exchange, status)
  }
}

function refuse(reply: FastifyReply, { status, body }: ReturnType<typeof registryRefusal>): FastifyReply {
  return reply.code(status).send(body)
}
