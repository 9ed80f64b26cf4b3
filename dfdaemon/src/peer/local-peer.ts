import { hostname } from 'node:os'
import { join } from 'node:path'
import {
  DamselflyError,
  makeOwnDirectory,
  redactUrl,
  type Clock,
  type HeaderMap,
  type TaskId,
} from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { SourceClient } from '@damselfly/cdn'
import {
  Collector,
  type ConnectionGate,
  ControlClient,
  createLocalPieceStore,
  createSupernodeDialer,
  diskSpace,
  formatSupernodeAddress,
  Freshness,
  isWhole,
  knownSupernodesFile,
  loadIdentity,
  Pins,
  readJoinToken,
  requireUnpinned,
  RevokedTickets,
  SecurityInForce,
  shownTo,
  TaskDownload,
  UNTOLD_DEMANDS,
  withCollector,
  type Cipher,
  type Identity,
  type JoinTokenPlace,
  type OriginReader,
  type PieceStore,
  type SecurityPolicy,
  type SpaceLimits,
  type SupernodeAddress,
  type TaskRecord,
} from '@damselfly/exchange'
import { DownloadRegister } from './download-register.ts'
import { inventoryOf } from './held-tasks.ts'
import { HostRates, type RateSettings } from './host-rates.ts'
import { originOfTask } from './origin-of-task.ts'
import { NetworkDemands } from './network-demands.ts'
import { PeerNetwork, type PeerListen } from './peer-network.ts'
import { Preheats, type PreheatsOptions } from './preheats.ts'
import type { DownloadRequest, OwnDownload, Peer, PeerStatus, SupernodeState, TaskView } from './peer.ts'
import { requestedTask, type RequestedTask } from './requested-task.ts'

export interface PeerOptions {
  /** Everything that the peer keeps lies below it; an absolute path. */
  readonly dataDir: string
  /** In order of preference; empty: the peer only downloads from origins. */
  readonly supernodes: readonly SupernodeAddress[]
  /** Opens the network of a supernode that does not know this peer. @default nothing */
  readonly joinToken?: JoinTokenPlace | undefined
  readonly listen: PeerListen
  /** Who of other peers is let in. @default one of its own with the usual limits */
  readonly gate?: ConnectionGate
  /** Hosts that others shall use to reach this peer; empty: those that it listens on. */
  readonly advertise: readonly string[]
  readonly security: SecurityPolicy
  /** That encrypted channels may use. @default all */
  readonly ciphers?: readonly Cipher[]
  readonly location: { readonly location: string; readonly zone: string; readonly rack: string }
  readonly uploadSlots: number
  readonly rates: RateSettings
  readonly parallelRanges: number
  /** How long a whole content is handed out without asking its origin again; milliseconds, 0: not at all. */
  readonly freshForMs: number
  /** How much of the disk contents may take. */
  readonly space: SpaceLimits
  /** Whether it downloads what the supernode asks for before anybody wants it. */
  readonly preheat: boolean
  readonly source: SourceClient
  readonly version: string
  readonly clock: Clock
  readonly logger: Logger
}

/** @returns a peer that is not started yet */
export function createPeer(options: PeerOptions): Peer {
  return new LocalPeer(options)
}

/** What connects a peer with others. */
interface Links {
  readonly network: PeerNetwork
  readonly control: ControlClient
  readonly preheats: Preheats
}

interface Running {
  readonly identity: Identity
  /** Empty when no supernode is configured. */
  readonly links: Partial<Links>
  readonly downloads: DownloadRegister
}

class LocalPeer implements Peer {
  readonly rates: HostRates
  readonly collector: Collector
  readonly #options: PeerOptions
  readonly #store: PieceStore
  readonly #pins: Pins
  readonly #freshness: Freshness
  #running: Running | undefined

  constructor(options: PeerOptions) {
    this.#options = options
    const { dataDir, clock, logger, rates, freshForMs } = options
    this.rates = new HostRates(rates, clock)
    const store = createLocalPieceStore({ directory: join(dataDir, 'store'), clock, logger })
    this.collector = new Collector({
      store,
      uses: {
        isWanted: (taskId) => this.#isDownloading(taskId),
        lastUsedAt: () => undefined,
        evict: (taskId) => this.deleteTask(taskId),
      },
      limits: options.space,
      disk: () => diskSpace(dataDir),
      clock,
      logger,
    })
    this.#pins = new Pins(store)
    this.#store = withCollector(store, this.collector, this.#pins)
    this.#freshness = new Freshness(clock, freshForMs)
  }

  async start(): Promise<void> {
    const { dataDir, supernodes } = this.#options
    await makeOwnDirectory(dataDir)
    await this.#store.start()
    try {
      const identity = await loadIdentity(join(dataDir, 'identity.key'))
      const links: Partial<Links> = supernodes.length === 0 ? {} : await this.#connect(identity)
      this.#running = { identity, links, downloads: this.#createRegister(links) }
    } catch (error) {
      await this.#store.stop()
      throw error
    }
  }

  async stop(graceMs: number): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    await running.downloads.stop(new DamselflyError('CANCELLED', 'the peer stops'))
    await running.links.preheats?.stop()
    await running.links.control?.stop()
    await running.links.network?.stop(graceMs)
    await this.#options.source.close()
    await this.#store.stop()
  }

  async download(request: DownloadRequest): Promise<OwnDownload> {
    const { downloads, links } = this.#started()
    const task = requestedTask(request, links.control === undefined ? this.#options.source.schemes : undefined)
    const takeBack = this.rates.wish(task.taskId, { rate: request.limitRate, priority: request.priority })
    const goOn = request.backToSource ? links.preheats?.standBack(task.taskId) : undefined
    try {
      const download = await downloads.hold(task, request)
      return { ...download, release: () => download.release().finally(takeBack) }
    } catch (error) {
      takeBack()
      throw error
    } finally {
      goOn?.()
    }
  }

  async tasks(): Promise<readonly TaskView[]> {
    const records = await this.#store.records(this.#store.list().map(({ taskId }) => taskId))
    return records.flatMap((record) => (record === undefined ? [] : [this.#view(record)]))
  }

  async task(taskId: TaskId): Promise<TaskView | undefined> {
    const record = await this.#store.record(taskId)
    return record === undefined ? undefined : this.#view(record)
  }

  async deleteTask(taskId: TaskId): Promise<void> {
    const stored = await this.#store.open(taskId)
    if (stored === undefined) throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${taskId}`)
    requireUnpinned(stored.record)
    if (this.#isDownloading(taskId)) throw new DamselflyError('TASK_BUSY', `task ${taskId} is being downloaded`)
    await this.#store.delete(taskId)
    this.#running?.links.control?.dropTask(taskId)
  }

  pinTask(taskId: TaskId, isPinned: boolean): Promise<void> {
    return this.#pins.set(taskId, isPinned)
  }

  status(): PeerStatus {
    const { identity, links, downloads } = this.#started()
    return {
      peer: identity.peerId,
      version: this.#options.version,
      supernode: this.#supernodeState(),
      endpoints: links.network?.describe() ?? [],
      downloads: downloads.count,
      tasks: this.#store.count,
      usedBytes: this.#store.usedBytes,
    }
  }

  #started(): Running {
    if (this.#running === undefined) throw new DamselflyError('INTERNAL', 'the peer is not started')
    return this.#running
  }

  async #connect(identity: Identity): Promise<Links> {
    const { supernodes, joinToken = {}, dataDir, clock, logger, version, location, uploadSlots, security, ciphers } = this.#options
    const inForce = new SecurityInForce({ security, ...(ciphers === undefined ? {} : { ciphers }) }, UNTOLD_DEMANDS)
    const supernodeIds = new Set(supernodes.flatMap(({ peer }) => (peer === undefined ? [] : [peer])))
    const revoked = new RevokedTickets(() => clock.now())
    const network = new PeerNetwork({
      ...this.#options,
      revoked,
      identity,
      inForce,
      store: this.#store,
      uploadLimiter: this.rates.uploads,
      downloadLimiter: this.rates.downloads,
      supernodes: () => {
        const state = control.state
        return state.type === 'connected' ? supernodeIds.add(state.supernode) : supernodeIds
      },
    })
    const known = knownSupernodesFile(join(dataDir, 'known-supernodes.json'))
    // After the network, which must be able to use what a later word of the supernode's may allow.
    const demands = new NetworkDemands({ directory: dataDir, inForce, supernodes, known, logger })
    await demands.recall()
    await network.start()
    const dial = createSupernodeDialer({
      addresses: supernodes,
      transports: network.transports,
      known,
      joinToken: () => readJoinToken(joinToken),
    })
    const preheats = this.#createPreheats((report) => control.reportPreheat(report))
    const control: ControlClient = new ControlClient({
      dial,
      preheats,
      hello: async (supernode) => ({
        joinToken: shownTo(supernode, await readJoinToken(joinToken)),
        agent: `damselfly/${version}`,
        endpoints: [...network.endpoints],
        location,
        uploadSlots,
        security,
        hostName: hostname(),
        acceptsPreheats: this.#options.preheat,
      }),
      inventory: inventoryOf(this.#store, logger),
      onDemands: (told, supernode) => demands.told(told, supernode),
      onRevoked: (revocations) => revoked.add(revocations),
      onRate: (rates) => this.rates.supernodeAllows(rates),
      onEvict: (taskId) => this.#evict(taskId),
      clock,
      random: Math.random,
      logger,
    })
    this.rates.onPriority((taskId, priority) => control.setPriority(taskId, priority))
    control.start()
    return { network, control, preheats }
  }

  #createPreheats(report: PreheatsOptions['report']): Preheats {
    const { preheat, clock, logger } = this.#options
    return new Preheats({
      isAllowed: preheat,
      download: (request) => this.download(request),
      held: async (taskId) => {
        const stored = await this.#store.open(taskId)
        return stored === undefined ? undefined : { ...stored.record, verifiedBytes: stored.verifiedBytes, isWhole: isWhole(stored) }
      },
      discard: async (taskId) => {
        await this.#store.delete(taskId)
        this.#running?.links.control?.dropTask(taskId)
      },
      collector: this.collector,
      report,
      clock,
      logger,
    })
  }

  #evict(taskId: TaskId): void {
    this.deleteTask(taskId).catch((error: unknown) =>
      this.#options.logger.info({ task: taskId, error }, 'the supernode asked to evict a task, which was not possible'),
    )
  }

  #createRegister(links: Partial<Links>): DownloadRegister {
    return new DownloadRegister({
      clock: this.#options.clock,
      origin: (task) => this.#origin(task),
      create: (task, request) => this.#createDownload(links, task, request),
    })
  }

  #createDownload({ network, control }: Partial<Links>, task: RequestedTask, request: DownloadRequest): TaskDownload {
    const { clock, logger, parallelRanges } = this.#options
    return new TaskDownload(
      {
        store: this.#store,
        control,
        openLane: (parent, signal) => {
          if (network === undefined) throw new DamselflyError('PEER_UNREACHABLE', 'no supernode is configured')
          // What waits for a limit of its own must not hold up other tasks on the same lane.
          const isApart = this.rates.downloads.hasOwnLimit(task.taskId)
          return network.lane(parent, signal, isApart ? task.taskId : undefined)
        },
        downloadLimiter: this.rates.downloads,
        freshness: this.#freshness,
        parallelRanges,
        clock,
        random: Math.random,
        logger,
      },
      {
        ...task,
        order: request.order,
        origin: this.#origin(task),
        backToSource: request.backToSource,
        priority: () => this.rates.priorityOf(task.taskId),
      },
    )
  }

  #origin({ identity, credentials }: RequestedTask): OriginReader {
    const headers: HeaderMap = new Map([...(identity.headers ?? []), ...credentials])
    return originOfTask({ source: this.#options.source, url: identity.url, headers, range: identity.range })
  }

  #isDownloading(taskId: TaskId): boolean {
    return this.#running?.downloads.has(taskId) === true
  }

  #view(record: TaskRecord): TaskView {
    const verifiedBytes = this.#store.verifiedBytes(record.taskId)
    const complete = isWhole({ isComplete: verifiedBytes === record.contentLength, record })
    return {
      taskId: record.taskId,
      url: redactUrl(record.url),
      tag: record.tag,
      application: record.application,
      state: this.#isDownloading(record.taskId) && !complete ? 'downloading' : complete ? 'complete' : 'partial',
      contentLength: record.contentLength,
      verifiedBytes,
      pinned: record.pinned,
      contentDigest: record.contentDigest,
      createdAt: new Date(record.createdAt).toISOString(),
      lastUsedAt: new Date(record.lastUsedAt).toISOString(),
    }
  }

  #supernodeState(): SupernodeState {
    const control = this.#running?.links.control
    if (control === undefined) return { type: 'none' }
    const { state } = control
    if (state.type === 'connected') return { type: 'connected', address: state.address, peer: state.supernode }
    const address = this.#options.supernodes.map(formatSupernodeAddress).join(', ')
    return { type: 'disconnected', address, error: state.error }
  }
}
