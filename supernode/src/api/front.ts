import { ConnectionGate, type ConnectionLimits } from '@damselfly/exchange'
import { toDamselflyError, type Clock, type ErrorCode } from '@damselfly/shared'
import type { ApiServer } from '@damselfly/shared/http-api'
import type { Logger } from '@damselfly/shared/logging'
import { Counter, type Registry } from '@damselfly/shared/metrics'
import { addressGroup } from '../access/address-group.ts'
import type { TrustedProxies } from '../access/client-address.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Where it comes from, as far as trusted proxies tell. */
    clientAddress: string
    /** The same for counting: an IPv6 network of 64 bits counts as one address. */
    clientGroup: string
  }
}

export interface FrontInit {
  readonly limits: Pick<ConnectionLimits, 'connections' | 'connectionsPerAddress'>
  readonly proxies: TrustedProxies
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/** Errors that say that a caller is turned away, and not what it asked for. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['UNAUTHORIZED', 'FORBIDDEN', 'TOO_MANY_FAILURES', 'TOO_MANY_REQUESTS'])

/** Reasons of the gate that can come up where nobody has a PeerId. */
const LIMITS = ['connections', 'connections-per-address', 'handshake-rate'] as const

/** What stands before the management API on all its addresses: who may connect, where requests come from, and who was turned away. */
export class Front {
  readonly #proxies: TrustedProxies
  readonly #gate: ConnectionGate
  readonly #refused: Counter<'code'>

  constructor({ limits, proxies, registry, clock, logger }: FrontInit) {
    this.#proxies = proxies
    const gate = new ConnectionGate({ limits, clock, logger })
    this.#gate = gate
    this.#refused = new Counter({
      name: 'damselfly_management_refused_total',
      help: 'Requests to the management API that were turned away, by error code',
      labelNames: ['code'],
      registers: [registry],
    })
    const connections: Counter<'limit'> = new Counter({
      name: 'damselfly_management_connections_refused_total',
      help: 'Connections to the management API that were turned away, by the limit that they met',
      labelNames: ['limit'],
      registers: [registry],
      collect: () => {
        connections.reset()
        for (const limit of LIMITS) connections.inc({ limit }, gate.refused(limit))
      },
    })
  }

  /** To be put on the server before everything else. */
  addTo(app: ApiServer): void {
    app.server.prependListener('connection', (socket) => {
      const host = socket.remoteAddress ?? ''
      // Many callers stand behind one proxy.
      if (this.#proxies.has(host)) return
      const entry = this.#gate.enter(host)
      if (entry === undefined) return void socket.destroy()
      // Handshakes of TLS have a time of their own, and who has proved nothing is told so by each answer.
      entry.proved()
      socket.once('close', entry.left)
    })
    app.decorateRequest('clientAddress', '')
    app.decorateRequest('clientGroup', '')
    app.addHook('onRequest', async (request) => {
      request.clientAddress = this.#proxies.clientOf(request.ip, request.headers)
      request.clientGroup = addressGroup(request.clientAddress)
    })
    app.addHook('onError', async (_request, _reply, error) => {
      const { code } = toDamselflyError(error)
      if (REFUSALS.has(code)) this.#refused.inc({ code })
    })
  }
}
