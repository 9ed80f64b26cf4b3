import { Server } from 'node:https'
import swagger from '@fastify/swagger'
import { DamselflyError, messageOf } from '@damselfly/shared'
import { createApiServer, type ApiServer, type HttpLimits, type SecureOptions } from '@damselfly/shared/http-api'
import type { Logger } from '@damselfly/shared/logging'
import { formatAddress, type ListenAddress } from '@damselfly/exchange'
import { addCollectorRoutes } from '@damselfly/exchange/store-api'
import { addScrubRoutes } from '@damselfly/exchange/scrub-api'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import type { Authenticator } from '../access/authenticator.ts'
import { addDecisionRoutes } from './decision-routes.ts'
import { addAdmissionRoutes, type AdmissionSources } from './admission-routes.ts'
import { addAuditRoutes, recordChanges, type AuditSources } from './audit-routes.ts'
import { allowOrigins } from './cross-origin.ts'
import { guard } from './guard.ts'
import { ROUTE_ACCESS } from './route-access.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import type { ManagementTls } from '../tls/management-tls.ts'
import { refusePlainHttp } from '../tls/plain-refusal.ts'
import { addTaskRoutes, type TaskSources } from './task-routes.ts'
import { CallerTurns } from './caller-turns.ts'
import type { Front } from './front.ts'
import { RequestTurns } from './request-turns.ts'
import { addPreheatRoutes, type PreheatSources } from './preheat-routes.ts'
import { addBlockRuleRoutes, addPriorityRoutes, addRateRoutes, type RuleSources } from './rule-routes.ts'
import { addTokenRoutes, type TokenSources } from './token-routes.ts'
import { addHealthRoutes, addPeerRoutes, addStatusRoutes, type RouteSources } from './routes.ts'

/** A rule is the largest that anybody sends. Bytes. */
const MAX_BODY_BYTES = 64 * 1024

/** For the handshake of TLS; milliseconds. */
const HANDSHAKE_PATIENCE_MS = 10_000

/** How long open requests may take when the API stops; milliseconds. */
const CLOSE_GRACE_MS = 1000

export interface ManagementApiOptions {
  readonly addresses: readonly ListenAddress[]
  /** @default those of every API */
  readonly limits?: Partial<HttpLimits>
  /** What stands before it. */
  readonly front: Front
  readonly authenticator: Authenticator
  /** Undefined: plain HTTP. */
  readonly tls: ManagementTls | undefined
  /** Whose pages may call it from browsers. */
  readonly allowedOrigins: readonly string[]
  /** Whether metrics are for everybody. */
  readonly openMetrics: boolean
  readonly sources: RouteSources & RuleSources & PreheatSources & TaskSources & TokenSources & AuditSources & AdmissionSources
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
  readonly #apps: ApiServer[] = []
  readonly #turns: RequestTurns

  constructor(options: ManagementApiOptions) {
    this.#options = options
    this.#turns = new RequestTurns(new CallerTurns(options.sources.clock))
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

  async #createApp(): Promise<ApiServer> {
    const { sources, front, authenticator, tls, allowedOrigins, openMetrics, limits = {}, logger } = this.#options
    const app = createApiServer({ maxBodyBytes: MAX_BODY_BYTES, headers: SECURITY_HEADERS, limits, ...(tls === undefined ? {} : { tls: secureOptions(tls) }), logger })
    if (tls !== undefined) followKeys(app.server, tls)
    front.addTo(app)
    allowOrigins(app, allowedOrigins)
    const access = openMetrics ? { ...ROUTE_ACCESS, 'GET /metrics': 'open' as const } : ROUTE_ACCESS
    const checkDeclarations = guard(app, authenticator, async (request, reply) => this.#turns.refused(request, reply), access)
    this.#turns.addTo(app)
    recordChanges(app, sources)
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'Damselfly supernode management API', version: sources.version },
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      },
      transform: jsonSchemaTransform,
    })
    for (const add of [addHealthRoutes, addStatusRoutes, addTaskRoutes, addPeerRoutes, addDecisionRoutes, addBlockRuleRoutes, addPriorityRoutes, addRateRoutes, addPreheatRoutes, addTokenRoutes, addAuditRoutes, addAdmissionRoutes]) add(app, sources)
    addCollectorRoutes(app, sources.collector)
    addScrubRoutes(app, sources.scrubber)
    app.get('/openapi.json', { schema: { description: 'This description.' } }, async () => app.swagger())
    checkDeclarations()
    await app.ready()
    return app
  }
}

/** TLS 1.2 is what old tools still need; with ciphers that keep their secrets. */
function secureOptions({ keys, requiresClients }: ManagementTls): SecureOptions {
  return {
    ...keys.material,
    minVersion: 'TLSv1.2',
    requestCert: keys.material.ca !== undefined,
    rejectUnauthorized: requiresClients,
    handshakeTimeout: HANDSHAKE_PATIENCE_MS,
  }
}

/** A server whose certificate is always the current one, and that says so to who speaks plain HTTP. */
function followKeys(server: unknown, { keys }: ManagementTls): void {
  if (!(server instanceof Server)) throw new Error('a server of TLS was made')
  refusePlainHttp(server)
  keys.onChange((material) => server.setSecureContext({ ...material, minVersion: 'TLSv1.2' }))
}

async function listen(app: ApiServer, host: string, port: number): Promise<string> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const where = formatAddress(host, port)
    throw new DamselflyError('ADDRESS_IN_USE', `cannot listen on ${where}: ${messageOf(error)}`, { cause: error })
  }
  const bound = app.server.address()
  return `${app.server instanceof Server ? 'https' : 'http'}://${formatAddress(host, typeof bound === 'object' && bound !== null ? bound.port : port)}`
}

async function closeWithin(app: ApiServer): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS)
  await app.close()
  clearTimeout(timer)
}
