import swagger from '@fastify/swagger'
import { DamselflyError, messageOf, toDamselflyError } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { formatAddress, type ListenAddress } from '@damselfly/exchange'
import { fastify, type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { AdminToken } from './admin-token.ts'
import type { App } from './app.ts'
import { errorBodyOf } from './bodies.ts'
import { addHealthRoutes, addPeerRoutes, addStatusRoutes, addTaskRoutes, type RouteSources } from './routes.ts'

/** The API only reads; nobody needs a large body. Bytes. */
const MAX_BODY_BYTES = 64 * 1024

/** How long open requests may take when the API stops; milliseconds. */
const CLOSE_GRACE_MS = 1000

const BEARER = /^Bearer ([\w-]+)$/i

export interface ManagementApiOptions {
  readonly addresses: readonly ListenAddress[]
  readonly token: AdminToken
  readonly sources: RouteSources
  readonly logger: Logger
}

/** The supernode's HTTP API for people and tools. */
export interface ManagementApi {
  /** @returns base URLs, such as `http://127.0.0.1:65080`. @throws DamselflyError ADDRESS_IN_USE */
  start(): Promise<readonly string[]>
  /** Idempotent. */
  stop(): Promise<void>
}

export function createManagementApi(options: ManagementApiOptions): ManagementApi {
  return new HttpManagementApi(options)
}

class HttpManagementApi implements ManagementApi {
  readonly #options: ManagementApiOptions
  /** One server per address, all with the same routes. */
  readonly #apps: App[] = []

  constructor(options: ManagementApiOptions) {
    this.#options = options
  }

  async start(): Promise<readonly string[]> {
    const urls: string[] = []
    for (const { host, port } of this.#options.addresses) {
      const app = await this.#createApp()
      this.#apps.push(app)
      urls.push(await listen(app, host, port))
    }
    return urls
  }

  async stop(): Promise<void> {
    await Promise.all(this.#apps.splice(0).map(closeWithin))
  }

  async #createApp(): Promise<App> {
    const { sources, token, logger } = this.#options
    const app = fastify({ bodyLimit: MAX_BODY_BYTES, logger: false }).withTypeProvider<ZodTypeProvider>()
    app.setValidatorCompiler(validatorCompiler)
    app.setSerializerCompiler(serializerCompiler)
    app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply, logger))
    // Before every route and before the answer to unknown ones: what is not declared public needs the token.
    app.addHook('onRequest', async (request) => {
      if (request.routeOptions.config.isPublic !== true) requireToken(request, token)
    })
    app.setNotFoundHandler((request, reply) => {
      const error = new DamselflyError('USAGE', `there is no ${request.method} ${pathOf(request)}; see /openapi.json`)
      return reply.code(404).send(errorBodyOf(error))
    })
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'Damselfly supernode management API', version: sources.version },
        components: { securitySchemes: { adminToken: { type: 'http', scheme: 'bearer' } } },
        security: [{ adminToken: [] }],
      },
      transform: jsonSchemaTransform,
    })
    for (const add of [addHealthRoutes, addStatusRoutes, addTaskRoutes, addPeerRoutes]) add(app, sources)
    app.get('/openapi.json', { schema: { description: 'This description.' } }, async () => app.swagger())
    await app.ready()
    return app
  }
}

/** @throws DamselflyError UNAUTHORIZED */
function requireToken(request: FastifyRequest, token: AdminToken): void {
  const given = BEARER.exec(request.headers.authorization ?? '')?.[1]
  if (given !== undefined && token.matches(given)) return
  throw new DamselflyError('UNAUTHORIZED', given === undefined ? 'no admin token was sent' : 'this is not the admin token')
}

function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  const ours = apiError(error)
  if (ours.code === 'INTERNAL') logger.error({ err: error, method: request.method, path: pathOf(request) }, 'a request failed')
  if (ours.code === 'UNAUTHORIZED') reply.header('www-authenticate', 'Bearer')
  return reply.code(ours.kind.http).type('application/json').serializer(JSON.stringify).send(errorBodyOf(ours))
}

function apiError(error: FastifyError): DamselflyError {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = error.validation.map((problem) => `${problem.instancePath.slice(1) || 'request'}: ${problem.message}`)
    return new DamselflyError('USAGE', problems.join('; '), { cause: error })
  }
  const isRefused = error.statusCode !== undefined && error.statusCode < 500
  return toDamselflyError(error, isRefused ? 'USAGE' : 'INTERNAL')
}

/** Without the query, which callers may have filled with anything. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0] ?? ''
}

async function listen(app: App, host: string, port: number): Promise<string> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const where = formatAddress(host, port)
    throw new DamselflyError('ADDRESS_IN_USE', `cannot listen on ${where}: ${messageOf(error)}`, { cause: error })
  }
  const bound = app.server.address()
  return `http://${formatAddress(host, typeof bound === 'object' && bound !== null ? bound.port : port)}`
}

async function closeWithin(app: App): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS)
  await app.close()
  clearTimeout(timer)
}
