import type { Registry } from '@damselfly/shared/metrics'
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import type { Peer } from '../peer/peer.ts'
import type { ApiServer } from '@damselfly/shared/http-api'
import { statusBodyOf } from './bodies.ts'
import { STATUS_PATH } from './protocol.ts'
import { healthBody, statusBody } from './schemas.ts'

export interface HealthSources {
  readonly peer: Peer
  readonly registry: Registry
  readonly isStopping: () => boolean
}

export function addHealthRoutes(app: ApiServer, { peer, registry, isStopping }: HealthSources): void {
  app.get(
    STATUS_PATH,
    { schema: { description: 'Identity, supernode, downloads and disk use.', response: { 200: statusBody } } },
    async () => statusBodyOf(peer.status()),
  )

  app.get(
    '/healthz',
    { schema: { description: 'The process lives.', response: { 200: healthBody } } },
    async () => ({ status: 'ok' as const }),
  )

  app.get(
    '/readyz',
    {
      schema: {
        description: 'Downloads are taken. A supernode is not needed for that.',
        response: { 200: healthBody, 503: healthBody },
      },
    },
    async (_request, reply) => sendReadiness(reply, isStopping()),
  )

  app.get(
    '/metrics',
    {
      schema: {
        description: 'Prometheus metrics.',
        response: { 200: { description: 'Metrics.', content: { 'text/plain': { schema: z.string() } } } },
      },
    },
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  )
}

function sendReadiness(reply: FastifyReply, stopping: boolean): FastifyReply {
  return stopping ? reply.code(503).send({ status: 'stopping' }) : reply.send({ status: 'ok' })
}
