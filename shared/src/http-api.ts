import type { ServerOptions } from 'node:https'
import {
  fastify,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import { absentAsUndefined, acceptAbsentBodies } from './absent-body.ts'
import { DamselflyError, toDamselflyError } from './errors/damselfly-error.ts'
import type { Logger } from './logging.ts'

/** An HTTP server whose routes are typed by their zod schemas. */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** What every failed request is answered with. */
export const apiErrorBody: z.ZodObject<{ code: z.ZodString; message: z.ZodString; advice: z.ZodString }> = z.object({
  code: z.string().describe('Stable; see the list of error codes.'),
  message: z.string(),
  advice: z.string(),
})
export type ApiErrorBody = z.output<typeof apiErrorBody>

export function toApiErrorBody(error: unknown): ApiErrorBody {
  const { code, message, kind } = toDamselflyError(error)
  return { code, message, advice: kind.advice }
}

/** What clients of an HTTP server may take of it. */
export interface HttpLimits {
  /** Connections at once. */
  readonly connections: number
  /** For the headers of a request, and for all of a request; milliseconds. */
  readonly headersMs: number
  readonly requestMs: number
  /** The longest that a connection may be silent, also because its client does not read; milliseconds, 0: for ever. */
  readonly idleMs: number
}

/** Slow clients, and those that hold connections for nothing, are let go. */
export const HTTP_LIMITS: HttpLimits = { connections: 1024, headersMs: 10_000, requestMs: 30_000, idleMs: 120_000 }

/** Of a server that speaks HTTPS. */
export type SecureOptions = ServerOptions

export interface ApiServerInit {
  /** The largest body of a request; bytes. */
  readonly maxBodyBytes: number
  /** On every answer. */
  readonly headers?: Readonly<Record<string, string>>
  /** @default HTTP_LIMITS */
  readonly limits?: Partial<HttpLimits>
  /** Undefined: plain HTTP. */
  readonly tls?: SecureOptions
  readonly logger: Logger
}

/** A server without routes that checks by zod schemas and answers every error with its stable code. */
export function createApiServer({ maxBodyBytes, headers = {}, limits, tls, logger }: ApiServerInit): ApiServer {
  const { connections, headersMs, requestMs, idleMs } = { ...HTTP_LIMITS, ...limits }
  // A path that cannot be decoded comes to no hook.
  const frameworkErrors = (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    void answerError(error, request, reply.headers(headers), logger)
  }
  // Slow clients are looked for twice as often as Node.js does it by itself for headers of a minute.
  const patience = { headersTimeout: headersMs, connectionsCheckingInterval: Math.max(100, headersMs / 2) }
  const common = { bodyLimit: maxBodyBytes, logger: false, frameworkErrors, connectionTimeout: idleMs, requestTimeout: requestMs }
  const server = fastify({ ...common, ...(tls === undefined ? { http: patience } : { https: { ...tls, ...patience } }) }).withTypeProvider<ZodTypeProvider>()
  server.server.maxConnections = connections
  server.addHook('onRequest', async (_request, reply) => void reply.headers(headers))
  acceptAbsentBodies(server)
  server.setValidatorCompiler(absentAsUndefined(validatorCompiler))
  server.setSerializerCompiler(serializerCompiler)
  server.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, logger))
  server.setNotFoundHandler((request, reply) => {
    const error = new DamselflyError('USAGE', `there is no ${request.method} ${pathOf(request)}; see /openapi.json`)
    return reply.code(404).send(toApiErrorBody(error))
  })
  return server
}

function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  const ours = ourError(error)
  if (ours.code === 'INTERNAL') logger.error({ err: error, method: request.method, path: pathOf(request) }, 'a request failed')
  if (ours.code === 'UNAUTHORIZED') reply.header('www-authenticate', 'Bearer')
  // The route's own schema for answers knows nothing of errors.
  return reply.code(ours.kind.http).type('application/json').serializer(JSON.stringify).send(toApiErrorBody(ours))
}

function ourError(error: FastifyError): DamselflyError {
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

/** A time as bodies have it. @param ms since 1970 */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
