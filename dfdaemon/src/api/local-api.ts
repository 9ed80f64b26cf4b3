import { rm } from 'node:fs/promises'
import swagger from '@fastify/swagger'
import { DamselflyError, toDamselflyError, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Registry } from '@damselfly/shared/metrics'
import { fastify, type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { Peer } from '../peer/peer.ts'
import type { App } from './app.ts'
import { addContentRoutes } from './content-routes.ts'
import { DownloadHandles } from './download-handles.ts'
import { DownloadMetrics } from './download-metrics.ts'
import { addDownloadRoutes } from './download-routes.ts'
import { errorBody } from './events.ts'
import { addHealthRoutes } from './health-routes.ts'
import { guardSocketFile, prepareSocketFile } from './socket-file.ts'
import { addTaskRoutes } from './task-routes.ts'

const MAX_BODY_BYTES = 1024 * 1024

export interface LocalApiOptions {
  readonly peer: Peer
  /** The unix socket's path. */
  readonly socket: string
  /** Who beside the owner may connect; a name or number. @default the process's group */
  readonly group?: string | undefined
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
  readonly version: string
}

/** The daemon's API for programs on the same host, on a unix socket whose permissions are its guard. */
export interface LocalApi {
  /** @throws DamselflyError ADDRESS_IN_USE, DISK_DENIED, DISK_FAILED, CONFIG_INVALID */
  start(): Promise<void>
  /** Ends downloads with a last `error` event, then lets connections end within `graceMs`. Idempotent. */
  stop(graceMs: number): Promise<void>
}

export function createLocalApi(options: LocalApiOptions): LocalApi {
  return new SocketApi(options)
}

class SocketApi implements LocalApi {
  readonly #options: LocalApiOptions
  readonly #handles: DownloadHandles
  #app: App | undefined
  #stopped: Promise<void> | undefined

  constructor(options: LocalApiOptions) {
    const { peer, clock, logger, registry } = options
    this.#options = options
    this.#handles = new DownloadHandles(peer, { clock, logger, listener: new DownloadMetrics(registry, peer) })
  }

  async start(): Promise<void> {
    const { socket, group } = this.#options
    await prepareSocketFile(socket, group)
    const app = await this.#createApp()
    this.#app = app
    await listen(app, socket)
    try {
      await guardSocketFile(socket, group)
    } catch (error) {
      await this.stop(0)
      throw error
    }
  }

  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#end(graceMs)
    return this.#stopped
  }

  async #end(graceMs: number): Promise<void> {
    const app = this.#app
    await this.#handles.stop()
    if (app === undefined) return
    const cancel = this.#options.clock.after(graceMs, () => app.server.closeAllConnections())
    await app.close()
    cancel()
    await rm(this.#options.socket, { force: true })
  }

  async #createApp(): Promise<App> {
    const { peer, clock, registry, version } = this.#options
    const app = fastify({ bodyLimit: MAX_BODY_BYTES, logger: false }).withTypeProvider<ZodTypeProvider>()
    app.setValidatorCompiler(validatorCompiler)
    app.setSerializerCompiler(serializerCompiler)
    app.setErrorHandler((error: FastifyError, request, reply) => this.#sendError(error, request, reply))
    app.setNotFoundHandler((request, reply) =>
      reply.code(404).send(errorBody(new DamselflyError('USAGE', `there is no ${request.method} ${pathOf(request)}; see /openapi.json`))),
    )
    await app.register(swagger, {
      openapi: { info: { title: 'dfdaemon local API', version } },
      transform: jsonSchemaTransform,
    })
    addDownloadRoutes(app, this.#handles, clock)
    addContentRoutes(app, this.#handles)
    addTaskRoutes(app, peer)
    addHealthRoutes(app, { peer, registry, isStopping: () => this.#stopped !== undefined })
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
    return app
  }

  #sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const ours = apiError(error)
    if (ours.code === 'INTERNAL') {
      this.#options.logger.error({ err: error, method: request.method, path: pathOf(request) }, 'a request failed')
    }
    return reply.code(ours.kind.http).type('application/json').serializer(JSON.stringify).send(errorBody(ours))
  }
}

function apiError(error: FastifyError): DamselflyError {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = error.validation.map((problem) => `${problem.instancePath.slice(1) || 'body'}: ${problem.message}`)
    return new DamselflyError('USAGE', problems.join('; '), { cause: error })
  }
  const refusedByServer = error.statusCode !== undefined && error.statusCode < 500
  return toDamselflyError(error, refusedByServer ? 'USAGE' : 'INTERNAL')
}

/** Without the query, which callers may have filled with anything. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0] ?? ''
}

async function listen(app: App, socket: string): Promise<void> {
  try {
    await app.listen({ path: socket })
  } catch (error) {
    await app.close()
    throw new DamselflyError('ADDRESS_IN_USE', `cannot listen on ${socket}: ${toDamselflyError(error).message}`, { cause: error })
  }
}
