import { DamselflyError, type Clock, type PeerId } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import type { Registry } from '@damselfly/shared/metrics'
import type { Collector, Scrubber } from '@damselfly/exchange'
import type { Scheduler } from '@damselfly/scheduler'
import type { DecisionTrace } from '@damselfly/scheduler/explain'
import * as z from 'zod'
import type { PeerRegister } from '../control/peer-register.ts'
import type { TaskRegistry } from '../swarm/task-registry.ts'
import { blocklistBodyOf, peerBodyOf, peerDetailOf } from './bodies.ts'
import { pageOf } from './page.ts'
import {
  blocklistBody,
  healthBody,
  pageQuery,
  peerDetailBody,
  peerListBody,
  versionBody,
} from './schemas.ts'

export interface RouteSources {
  readonly version: string
  readonly peerId: PeerId
  readonly tasks: TaskRegistry
  readonly peers: PeerRegister
  readonly scheduler: Pick<Scheduler, 'snapshotBlocklist' | 'snapshotWait'>
  /** Undefined: none are kept. */
  readonly decisions: DecisionTrace | undefined
  readonly collector: Pick<Collector, 'status' | 'collectWithin'>
  readonly scrubber: Pick<Scrubber, 'status' | 'begin'>
  readonly registry: Registry
  readonly isReady: () => boolean
  readonly clock: Clock
}

export function addHealthRoutes(app: ApiServer, { isReady }: RouteSources): void {
  app.get(
    '/healthz',
    { schema: { description: 'The process lives.', response: { 200: healthBody } } },
    async () => ({ status: 'ok' as const }),
  )
  app.get(
    '/readyz',
    {
      schema: { description: 'Peers are served.', response: { 200: healthBody, 503: healthBody } },
    },
    async (_request, reply) => (isReady() ? { status: 'ok' as const } : reply.code(503).send({ status: 'stopping' as const })),
  )
}

export function addStatusRoutes(app: ApiServer, { version, peerId, registry, scheduler, clock }: RouteSources): void {
  app.get(
    '/api/v1/version',
    { schema: { description: 'What runs here.', response: { 200: versionBody, 401: apiErrorBody } } },
    async () => ({ name: 'supernode', version, node: process.version, peerId }),
  )
  app.get(
    '/api/v1/blocklist',
    { schema: { description: 'Who may not be used as parent at the moment.', response: { 200: blocklistBody, 401: apiErrorBody } } },
    async () => blocklistBodyOf(scheduler.snapshotBlocklist(), clock),
  )
  app.get(
    '/metrics',
    {
      schema: {
        description: 'Prometheus metrics.',
        response: { 200: { description: 'Metrics.', content: { 'text/plain': { schema: z.string() } } }, 401: apiErrorBody },
      },
    },
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  )
}

export function addPeerRoutes(app: ApiServer, { peers, tasks }: RouteSources): void {
  app.get(
    '/api/v1/peers',
    {
      schema: {
        description: 'Connected peers, in the order of their ids.',
        querystring: pageQuery,
        response: { 200: peerListBody, 400: apiErrorBody, 401: apiErrorBody },
      },
    },
    async ({ query }) => {
      const { items, next } = pageOf(peers.list(), ({ peer }) => peer, query.after, query.limit)
      return { peers: items.map(peerBodyOf), next }
    },
  )
  app.get(
    '/api/v1/peers/:id',
    {
      schema: {
        description: 'One connected peer with its tasks.',
        params: z.object({ id: z.string().max(128) }),
        response: { 200: peerDetailBody, 401: apiErrorBody, 404: apiErrorBody },
      },
    },
    async ({ params: { id } }) => {
      const peer = peers.get(id as PeerId)
      if (peer === undefined) throw new DamselflyError('PEER_NOT_FOUND', `no peer ${id} is connected`)
      return peerDetailOf(peer, tasks)
    },
  )
}
