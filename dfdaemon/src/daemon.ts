import { join, resolve } from 'node:path'
import { createHttpSource, createRegistryAccess, createSources, type RegistryAccess } from '@damselfly/cdn'
import { ConnectionGate } from '@damselfly/exchange'
import { exposeConnections } from '@damselfly/exchange/metrics'
import type { Clock, PeerId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Registry } from '@damselfly/shared/metrics'
import { createLocalApi, type LocalApi } from './api/local-api.ts'
import { defaultSocketPath, type SocketEnvironment } from './api/socket-path.ts'
import type { DaemonConfig } from './config/config.ts'
import { mirrorSettings, originPolicy, peerListen, proxySettings, supernodeAddresses } from './config/peer-settings.ts'
import { Mirror } from './mirror/mirror.ts'
import { createPeer } from './peer/local-peer.ts'
import type { Peer } from './peer/peer.ts'
import { AUTHORITY_FILE } from './proxy/authority-file.ts'
import { Proxy } from './proxy/proxy.ts'

export interface DaemonParts {
  readonly config: DaemonConfig
  readonly socketEnvironment: SocketEnvironment
  readonly version: string
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/** What a running daemon tells those who started it. */
export interface ReadyDaemon {
  readonly peer: PeerId
  readonly socket: string
  readonly dataDir: string
  readonly endpoints: readonly string[]
  /** Where container tools find the mirror; undefined when it is switched off. */
  readonly mirror: string | undefined
  /** Where programs find the forward proxy; undefined when it is switched off. */
  readonly proxy: string | undefined
}

/** A peer that serves its host: the peer itself, the local API and the mirror of registries in front of it. */
export class Daemon {
  readonly #config: DaemonConfig
  readonly #peer: Peer
  readonly #api: LocalApi
  readonly #mirror: Mirror | undefined
  readonly #registries: RegistryAccess
  readonly #proxy: Proxy | undefined
  readonly #socket: string
  readonly #dataDir: string
  #mirrorAddress: string | undefined

  constructor({ config, socketEnvironment, version, registry, clock, logger }: DaemonParts) {
    this.#config = config
    this.#dataDir = resolve(config.dataDir)
    this.#socket = resolve(config.api.socket ?? defaultSocketPath(socketEnvironment, this.#dataDir))
    const policy = originPolicy(config.origins)
    const { insecure, s3, registries, dockerConfig } = config.origins
    const http = { policy, insecure, userAgent: `damselfly/${version}` }
    const init = { http, s3, registries, dockerConfig, files: [], othersMayLogIn: config.supernodes.length > 0, clock }
    const web = createHttpSource({ ...http, clock })
    const source = createSources(init, web)
    this.#registries = createRegistryAccess(init, web)
    const gate = new ConnectionGate({ limits: config.limits, clock, logger })
    exposeConnections(registry, gate)
    this.#peer = createPeer({
      gate,
      dataDir: this.#dataDir,
      supernodes: supernodeAddresses(config.supernodes),
      joinToken: { token: config.joinToken?.reveal(), file: config.joinTokenFile },
      listen: peerListen(config),
      advertise: config.advertise,
      security: config.security,
      ciphers: config.ciphers,
      location: config.location,
      uploadSlots: config.uploadSlots,
      rates: config.rates,
      parallelRanges: config.parallelRanges,
      freshForMs: config.freshFor,
      space: config.store,
      preheat: config.preheat,
      source,
      version,
      clock,
      logger,
    })
    const { group, maxConnections } = config.api
    this.#api = createLocalApi({ peer: this.#peer, socket: this.#socket, group, maxConnections, registry, clock, logger, version })
    const settings = mirrorSettings(config.mirror)
    if (settings !== undefined) this.#mirror = new Mirror({ peer: this.#peer, source, registries: this.#registries, registry, settings, clock, logger })
    this.#proxy = this.#createProxy(registry, clock, logger)
  }

  /** @throws DamselflyError STORE_LOCKED, ADDRESS_IN_USE, DISK_DENIED, CONFIG_INVALID */
  async start(): Promise<ReadyDaemon> {
    await this.#peer.start()
    try {
      await this.#api.start()
      const mirror = await this.#mirror?.start()
      this.#mirrorAddress = mirror
      const proxy = await this.#proxy?.start()
      const { peer, endpoints } = this.#peer.status()
      return { peer, socket: this.#socket, dataDir: this.#dataDir, endpoints, mirror, proxy }
    } catch (error) {
      await this.#mirror?.stop(0)
      await this.#api.stop(0)
      await this.#registries.close()
      await this.#peer.stop(0)
      throw error
    }
  }

  /** Lets what is being sent end within the configured grace. Idempotent. */
  async stop(): Promise<void> {
    const { stopGrace } = this.#config
    await Promise.all([this.#api.stop(stopGrace), this.#proxy?.stop(stopGrace), this.#mirror?.stop(stopGrace)])
    await this.#registries.close()
    await this.#peer.stop(stopGrace)
  }

  #createProxy(registry: Registry, clock: Clock, logger: Logger): Proxy | undefined {
    const settings = proxySettings(this.#config.proxy)
    if (settings === undefined) return undefined
    const authorityFile = join(this.#dataDir, AUTHORITY_FILE)
    const ownPorts = (): readonly number[] => [this.#mirrorAddress ?? '', ...this.#peer.status().endpoints].flatMap(portsIn)
    return new Proxy({ settings, authorityFile, peer: this.#peer, mirror: this.#mirror, registries: this.#registries, ownPorts, registry, clock, logger })
  }
}

/** @param address a URL, or an endpoint of a peer such as `direct 127.0.0.1:65002` */
function portsIn(address: string): number[] {
  const [, port] = /:(\d+)\/?$/.exec(address) ?? []
  return port === undefined ? [] : [Number(port)]
}
