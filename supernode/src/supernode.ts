import { join } from 'node:path'
import { diskError, makeOwnDirectory, messageOf, openFileLimit, RateLimiter, systemClock, type Clock, type PeerId } from '@damselfly/shared'
import { exposeConnections } from '@damselfly/exchange/metrics'
import type { Logger } from '@damselfly/shared/logging'
import { createCdn, limitOrigins, specOf, type LimitedSource, type MeasuredCdn } from '@damselfly/cdn'
import {
  bindableAddresses,
  ConnectionGate,
  createPieceServer,
  createTransports,
  listenAddresses,
  loadIdentity,
  offeredEndpoints,
  type Channel,
  type ChannelKind,
  type Endpoint,
  type Identity,
  type PieceServer,
  type PieceStore,
  SecurityInForce,
  type TaskRecord,
} from '@damselfly/exchange'
import type { PolicySet } from '@damselfly/scheduler'
import { loadAdminToken } from './access/admin-token.ts'
import { AuditLog } from './access/audit-log.ts'
import { ApiTokens } from './access/api-tokens.ts'
import { Authenticator } from './access/authenticator.ts'
import { ClientCertificates } from './access/client-certificates.ts'
import { OidcTokens } from './access/oidc/oidc-tokens.ts'
import { RefusalLog } from './access/refusal-log.ts'
import type { AuditSources } from './api/audit-routes.ts'
import { PeerAdmission, refusal } from './admission/peer-admission.ts'
import { PeerStandings } from './admission/peer-standings.ts'
import { TicketRevocations } from './admission/ticket-revocations.ts'
import { TrustedProxies } from './access/client-address.ts'
import { Front } from './api/front.ts'
import { createManagementApi, type ManagementApi } from './api/management-api.ts'
import { admissionMode, allowedPeers } from './config/admission-config.ts'
import { cdnLimits, originLimits } from './config/cdn-config.ts'
import type { SupernodeConfig } from './config/config.ts'
import { assembleControl, type AssembledControl } from './control-assembly.ts'
import type { RuleSources } from './api/rule-routes.ts'
import { blockRule } from './rules/block-rule.ts'
import { priorityRule } from './rules/priority-rule.ts'
import { rateRule } from './rules/rate-rule.ts'
import { createRuleList } from './rules/rule-list.ts'
import { controlLimits } from './config/limit-settings.ts'
import { assembleScheduler, type AssembledScheduler } from './scheduling/scheduler-assembly.ts'
import { exposeOrigins } from './metrics/origin-metrics.ts'
import { createOriginSources } from './origin-sources.ts'
import { ShutdownList } from './shutdown-list.ts'
import type { ManagementAuthority } from './tls/authority-file.ts'
import { startManagementTls, type ManagementTls } from './tls/management-tls.ts'
import { CdnStore } from './swarm/cdn-store.ts'
import { Passthrough } from './swarm/passthrough.ts'

/** How long the origin may take to answer when damaged pieces are fetched again; milliseconds. */
const REPAIR_PATIENCE_MS = 60_000

/** Open files that connections leave to the store, the index, origins and the management API. */
const OTHER_FILES = 1024

export interface SupernodeDeps {
  readonly version: string
  readonly logger: Logger
  /** @default systemClock */
  readonly clock?: Clock
  /** Those of `scheduler.policy`; for those left out the defaults stay. */
  readonly policies?: PolicySet | undefined
  /** That modules of `cdn.sources` are looked for from. @default the working directory */
  readonly moduleDirectory?: string | undefined
}

/** Where a running supernode is found. */
export interface SupernodeAddresses {
  readonly peerId: PeerId
  /** As peers are told. */
  readonly endpoints: readonly Endpoint[]
  /** Base URLs of the management API. */
  readonly management: readonly string[]
  /** Who vouches for its certificate, if the supernode made that itself. */
  readonly managementCa?: Pick<ManagementAuthority, 'file' | 'fingerprint'>
  readonly adminTokenFile: string
}

/** The server: register of peers, scheduler and CDN. */
export interface Supernode {
  /**
   * @throws DamselflyError ADDRESS_IN_USE, STORE_LOCKED, DISK_DENIED, DISK_FULL, DISK_FAILED, CONFIG_INVALID; what was
   * started until then is stopped.
   */
  start(): Promise<SupernodeAddresses>
  /** Says Goodbye, lets pieces that are being sent end within `graceMs`, then stops. Idempotent. */
  stop(graceMs: number): Promise<void>
}

export function createSupernode(config: SupernodeConfig, deps: SupernodeDeps): Supernode {
  return new ComposedSupernode(config, deps)
}

class ComposedSupernode implements Supernode {
  readonly #config: SupernodeConfig
  readonly #deps: SupernodeDeps
  readonly #clock: Clock
  readonly #shutdown = new ShutdownList()
  readonly #uploads: RateLimiter
  #isReady = false
  #stopped: Promise<void> | undefined
  #cdnServedBytes = 0

  constructor(config: SupernodeConfig, deps: SupernodeDeps) {
    this.#config = config
    this.#deps = deps
    this.#clock = deps.clock ?? systemClock
    this.#uploads = new RateLimiter(config.cdn.uploadRate, this.#clock)
  }

  async start(): Promise<SupernodeAddresses> {
    try {
      const addresses = await this.#startAll()
      this.#isReady = true
      return addresses
    } catch (error) {
      await this.stop(0)
      throw error
    }
  }

  stop(graceMs: number): Promise<void> {
    this.#isReady = false
    this.#stopped ??= this.#shutdown.run(graceMs)
    return this.#stopped
  }

  async #startAll(): Promise<SupernodeAddresses> {
    const { dataDir, security, ciphers, network } = this.#config
    const inForce = new SecurityInForce({ security, ciphers }, network)
    await makeOwnDirectory(dataDir)
    const identity = await loadIdentity(join(dataDir, 'identity.key'))
    const adminToken = await loadAdminToken(dataDir)
    const tokens = await this.#loadTokens()
    const { audit, refusals } = await this.#openAuditLogs()
    const store = await this.#startStore()
    const { cdn, sources } = await this.#createCdn(store.pieces)
    const { scheduler, decisions, policyFaults } = await this.#createScheduler()
    const rules = await this.#loadRules()
    const peerAdmission = await this.#loadAdmission(tokens, audit)
    const revocations = await this.#loadRevocations()
    const assembled = assembleControl({
      identity,
      agent: `supernode/${this.#deps.version}`,
      cdn,
      passthrough: this.#config.cdn.mode === 'passthrough' ? new Passthrough(sources, cdnLimits(this.#config.cdn.freshness, this.#config.cdn.origins)) : undefined,
      store: store.pieces,
      shares: store.shares,
      probe: (spec, signal) => sources.probe({ url: spec.url, headers: spec.variantHeaders, signal }),
      scheduler,
      announceQuorum: this.#config.trust.announceQuorum,
      demands: network,
      peerAdmission,
      revocations,
      ...rules,
      preheat: { ...this.#config.preheat, directory: join(dataDir, 'preheats') },
      limits: controlLimits(this.#config.limits),
      originBytes: () => cdn.stats().originBytes,
      cdnServedBytes: () => this.#cdnServedBytes,
      clock: this.#clock,
      logger: this.#deps.logger,
    })
    policyFaults.expose(assembled.metrics.registry)
    await assembled.preheats.load()
    const { tasks, peers } = assembled
    store.usedBy({ tasks, isShared: () => peers.count > 1, fetchAgain: (record) => this.#fetchAgain(cdn, record) })
    this.#shutdown.add(() => store.scrubber.stop())
    await store.scrubber.start()
    store.expose(assembled.metrics.registry)
    exposeOrigins(assembled.metrics.registry, () => cdn.stats(), () => sources.traffic())
    const { management } = this.#config
    const pieces = this.#createPieceServer(identity, store.pieces, inForce, revocations)
    const endpoints = await this.#listen(identity, assembled, pieces, inForce, peerAdmission)
    this.#shutdown.add(() => assembled.stop())
    const certificates = new ClientCertificates(management.tls.clientRoles, this.#clock)
    const oidc = management.oidc === undefined ? undefined : await OidcTokens.create(management.oidc, this.#clock)
    const tls = await this.#startManagementTls()
    const front = new Front({
      limits: { connections: management.maxConnections, connectionsPerAddress: management.maxConnectionsPerAddress },
      proxies: new TrustedProxies(management.trustedProxies, management.forwardingHeader),
      registry: assembled.metrics.registry,
      clock: this.#clock,
      logger: this.#deps.logger,
    })
    const api: ManagementApi = createManagementApi({
      front,
      addresses: bindableAddresses(management.addresses).map((host) => ({ host, port: management.port })),
      limits: { connections: management.maxConnections },
      authenticator: new Authenticator({ adminToken, tokens, certificates, oidc, clock: this.#clock }),
      tls,
      allowedOrigins: management.cors.origins,
      openMetrics: management.metrics === 'open',
      sources: {
        tokens,
        audit,
        refusals,
        peerAdmission,
        version: this.#deps.version,
        peerId: identity.peerId,
        tasks: assembled.tasks,
        peers: assembled.peers,
        ...rules,
        rateControl: assembled.rateControl,
        preheats: assembled.preheats,
        catalogue: assembled.catalogue,
        keeping: store,
        sources,
        cdnUploads: this.#uploads,
        scheduler,
        decisions,
        collector: store.collector,
        scrubber: store.scrubber,
        registry: assembled.metrics.registry,
        isReady: () => this.#isReady,
        clock: this.#clock,
      },
      logger: this.#deps.logger,
    })
    this.#shutdown.add(() => api.stop())
    const authority = tls?.authority
    const managementCa = authority === undefined ? undefined : { file: authority.file, fingerprint: authority.fingerprint }
    return { peerId: identity.peerId, endpoints, management: await api.start(), ...(managementCa && { managementCa }), adminTokenFile: adminToken.path }
  }

  async #startManagementTls(): Promise<ManagementTls | undefined> {
    const { dataDir, advertise, management } = this.#config
    const { addresses, tls: settings } = management
    const tls = await startManagementTls({ settings, addresses, names: advertise, dataDir, clock: this.#clock, logger: this.#deps.logger })
    if (tls !== undefined) this.#shutdown.add(() => tls.keys.stop())
    return tls
  }

  async #loadTokens(): Promise<ApiTokens> {
    const tokens = new ApiTokens({ dataDir: this.#config.dataDir, clock: this.#clock, logger: this.#deps.logger })
    this.#shutdown.add(() => tokens.stop())
    await tokens.load()
    return tokens
  }

  async #loadAdmission(tokens: ApiTokens, audit: AuditLog): Promise<PeerAdmission> {
    const { dataDir, admission, listen } = this.#config
    const standings = new PeerStandings(join(dataDir, 'peers.jsonl'))
    this.#shutdown.add(() => standings.stop())
    await standings.load()
    const mode = admissionMode(admission, listen.addresses)
    const { logger } = this.#deps
    if (mode !== 'open') logger.info({ mode }, 'peers must be admitted: `dfget token create NAME --role peer` makes a join token, `dfget peer admit` names one')
    return new PeerAdmission({ mode, allowed: allowedPeers(admission), standings, tokens, audit, clock: this.#clock, logger })
  }

  async #loadRevocations(): Promise<TicketRevocations> {
    const file = join(this.#config.dataDir, 'revoked-tickets.json')
    const revocations = new TicketRevocations({ file, clock: this.#clock, logger: this.#deps.logger })
    this.#shutdown.add(() => revocations.stop())
    await revocations.load()
    return revocations
  }

  async #openAuditLogs(): Promise<AuditSources> {
    const init = { dataDir: this.#config.dataDir, clock: this.#clock, logger: this.#deps.logger }
    const audit = new AuditLog(init)
    const refusals = new RefusalLog(init)
    for (const log of [audit, refusals.log]) {
      this.#shutdown.add(() => log.stop())
      try {
        await log.load()
      } catch (error) {
        throw diskError(error, 'read the audit log')
      }
    }
    return { audit, refusals }
  }

  async #loadRules(): Promise<Pick<RuleSources, 'blockRules' | 'rateRules' | 'priorityRules'>> {
    const { dataDir } = this.#config
    const blockRules = createRuleList({ file: join(dataDir, 'block-rules.json'), schema: blockRule, clock: this.#clock })
    const rateRules = createRuleList({ file: join(dataDir, 'rate-rules.json'), schema: rateRule, clock: this.#clock })
    const priorityRules = createRuleList({ file: join(dataDir, 'priority-rules.json'), schema: priorityRule, clock: this.#clock })
    for (const rules of [blockRules, rateRules, priorityRules]) {
      this.#shutdown.add(() => rules.stop())
      await rules.load()
    }
    return { blockRules, rateRules, priorityRules }
  }

  async #startStore(): Promise<CdnStore> {
    const { dataDir, store: limits, cdn } = this.#config
    const directory = join(dataDir, 'pieces')
    const store = await CdnStore.create({ directory, storage: cdn.storage, scrub: cdn.scrub, scrubStateFile: join(dataDir, 'scrub.json'), limits, diskPerPeer: this.#config.limits.diskPerPeer, clock: this.#clock, logger: this.#deps.logger })
    this.#shutdown.add(() => store.pieces.stop())
    await store.pieces.start()
    return store
  }

  async #createScheduler(): Promise<AssembledScheduler> {
    const { scheduler: settings, dataDir } = this.#config
    const { policies, logger } = this.#deps
    const assembled = await assembleScheduler({ settings, dataDir, policies, clock: this.#clock, logger })
    this.#shutdown.add(() => assembled.stop())
    return assembled
  }

  async #createCdn(store: PieceStore): Promise<{ cdn: MeasuredCdn; sources: LimitedSource }> {
    const { version, moduleDirectory: directory = '.' } = this.#deps
    const { freshness, origins, connections: connectionsPerContent } = this.#config.cdn
    const userAgent = `damselfly-supernode/${version}`
    const source = await createOriginSources({ config: this.#config, directory, userAgent, clock: this.#clock })
    const sources = limitOrigins({ source, limits: originLimits(origins), clock: this.#clock })
    this.#shutdown.add(() => sources.close())
    const limits = { ...cdnLimits(freshness, origins), connectionsPerContent }
    const cdn = createCdn({ store, sources, limits, clock: this.#clock, logger: this.#deps.logger })
    this.#shutdown.add(() => cdn.stop())
    return { cdn, sources }
  }

  /** What of it is missing; a private content waits for somebody who may have it. */
  #fetchAgain(cdn: MeasuredCdn, record: TaskRecord): void {
    if (record.isPrivate) return
    cdn.obtain(specOf(record), new Map(), AbortSignal.timeout(REPAIR_PATIENCE_MS)).catch((error: unknown) => {
      this.#deps.logger.warn({ taskId: record.taskId, reason: messageOf(error) }, 'damaged pieces could not be fetched again')
    })
  }

  #createPieceServer(identity: Identity, store: PieceStore, security: SecurityInForce, { revoked }: TicketRevocations): PieceServer {
    const supernodes = new Set([identity.peerId])
    return createPieceServer({
      parent: identity.peerId,
      supernodes: () => supernodes,
      store,
      uploadLimiter: this.#uploads,
      security,
      revoked,
      clock: this.#clock,
      listener: { bytesSent: (bytes) => (this.#cdnServedBytes += bytes) },
      logger: this.#deps.logger,
    })
  }

  /** Opens the doors to peers. @returns what they are told */
  async #listen(
    identity: Identity,
    { control, start, metrics }: AssembledControl,
    pieces: PieceServer,
    inForce: SecurityInForce,
    admission: PeerAdmission,
  ): Promise<readonly Endpoint[]> {
    const accept = (channel: Channel): void => {
      // Callers' credentials travel on control channels, so never in the clear.
      if (channel.protocol === '/damselfly/control/1' && channel.kind !== 'plain') control.accept(channel)
      // By tickets alone strangers would get no piece either, but hold a channel.
      else if (admission.isAdmitted(channel.remotePeer)) pieces.serve(channel)
      else channel.abort(refusal(channel.remotePeer, 'it has not joined'))
    }
    const { listen, security, advertise, cdn, limits } = this.#config
    const bound: Endpoint[] = []
    const ports = { plain: listen.plainPort, direct: listen.directPort, libp2p: listen.libp2pPort }
    const addresses = listenAddresses(security, bindableAddresses(listen.addresses), ports)
    const connections = await this.#allowedConnections()
    const gate = new ConnectionGate({ limits: { ...limits, connections }, clock: this.#clock, logger: this.#deps.logger })
    exposeConnections(metrics.registry, gate)
    for (const transport of createTransports(security, inForce, { identity, clock: this.#clock, gate })) {
      this.#shutdown.add(() => transport.stop())
      bound.push(...(await transport.listen(addresses[transport.kind], accept)))
    }
    this.#shutdown.add((graceMs) => within(pieces.close(), graceMs, this.#clock))
    const endpoints = offeredEndpoints(security, bound, advertise)
    const lanes = [...new Set(bound.map(({ kind }): ChannelKind => kind))]
    const location = { location: '', zone: '', rack: '' }
    start(
      { peer: identity.peerId, endpoints, security: inForce.policy, isCdn: true },
      { uploadSlots: cdn.uploadSlots, location, isCdn: true, lanes },
    )
    return endpoints
  }

  /** Peers too many are turned away; without this the store would be the one that cannot open its files. */
  async #allowedConnections(): Promise<number> {
    const openFiles = (await openFileLimit()) ?? Number.POSITIVE_INFINITY
    const allowed = Math.max(OTHER_FILES, Math.min(this.#config.limits.connections, openFiles - OTHER_FILES))
    if (allowed < this.#config.limits.peers) {
      const advice = 'few files may be open at once, which limits the peers: raise it (LimitNOFILE of the service, or ulimit -n)'
      this.#deps.logger.warn({ openFiles, connections: allowed }, advice)
    }
    return allowed
  }
}

/** Waits for `work`, but no longer than `ms`. */
async function within(work: Promise<void>, ms: number, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>()
  const cancel = clock.after(ms, late.resolve)
  await Promise.race([work, late.promise]).finally(cancel)
}
