import { rm } from 'node:fs/promises'
import swagger from '@fastify/swagger'
import { DamselflyError, toDamselflyError, type Clock } from '@damselfly/shared'
import { addCollectorRoutes, addKeepingRoutes } from '@damselfly/exchange/store-api'
import { createApiServer, type ApiServer } from '@damselfly/shared/http-api'
import type { Logger } from '@damselfly/shared/logging'
import type { Registry } from '@damselfly/shared/metrics'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import type { Peer } from '../peer/peer.ts'
import { addContentRoutes } from './content-routes.ts'
import { DownloadHandles } from './download-handles.ts'
import { DownloadMetrics } from './download-metrics.ts'
import { addDownloadRoutes } from './download-routes.ts'
import { addHealthRoutes } from './health-routes.ts'
import { guardSocketFile, prepareSocketFile } from './socket-file.ts'
import { addRateRoutes } from './rate-routes.ts'
import { addTaskRoutes } from './task-routes.ts'

const MAX_BODY_BYTES = 1024 * 1024

/**
 * Callers that may wait for the daemon to accept them; the system may allow fewer. Beyond it a connection to a unix socket
 * fails at once, so a thousand programs that start at the same moment must find room.
 */
const BACKLOG = 4096

export interface LocalApiOptions {
  readonly peer: Peer
  /** The unix socket's path. */
  readonly socket: string
  /** Who beside the owner may connect; a name or number. @default the process's group */
  readonly group?: string | undefined
  /** Callers that may be connected at once. @default 8192 */
  readonly maxConnections?: number
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
  #app: ApiServer | undefined
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

  async #createApp(): Promise<ApiServer> {
    const { peer, clock, registry, version, logger } = this.#options
    // A caller waits for its download for as long as that takes.
    const limits = { connections: this.#options.maxConnections ?? 8192, idleMs: 0 }
    const app = createApiServer({ maxBodyBytes: MAX_BODY_BYTES, limits, logger })
    await app.register(swagger, {
      openapi: { info: { title: 'dfdaemon local API', version } },
      transform: jsonSchemaTransform,
    })
    addDownloadRoutes(app, this.#handles, clock)
    addContentRoutes(app, this.#handles)
    addTaskRoutes(app, peer)
    addKeepingRoutes(app, { pin: (taskId, isPinned) => peer.pinTask(taskId, isPinned), evict: (taskId) => peer.deleteTask(taskId) })
    addRateRoutes(app, peer.rates)
    addCollectorRoutes(app, peer.collector)
    addHealthRoutes(app, { peer, registry, isStopping: () => this.#stopped !== undefined })
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
    return app
  }
}

async function listen(app: ApiServer, socket: string): Promise<void> {
  await app.ready()
  // Until its mode is set nobody else may connect; what others write in this moment is for this user alone too.
  const umask = process.umask(0o077)
  try {
    await app.listen({ path: socket, backlog: BACKLOG })
  } catch (error) {
    await app.close()
    throw new DamselflyError('ADDRESS_IN_USE', `cannot listen on ${socket}: ${toDamselflyError(error).message}`, { cause: error })
  } finally {
    process.umask(umask)
  }
}
