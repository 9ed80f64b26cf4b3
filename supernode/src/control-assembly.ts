import type { Clock, PeerId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { readMetrics } from '@damselfly/shared/metrics'
import type { Cdn } from '@damselfly/cdn'
import { NO_DEMANDS, SecurityInForce, signManifest, TicketSigner, verifyManifest, type ChannelDemands, type Identity, type PieceStore } from '@damselfly/exchange'
import type { PeerCapacity, Scheduler } from '@damselfly/scheduler'
import { refusal, type PeerAdmission } from './admission/peer-admission.ts'
import type { TicketRevocations } from './admission/ticket-revocations.ts'
import { ruledPeerOf, type ParentCard } from './control/connected-peer.ts'
import { ControlPlane } from './control/control-plane.ts'
import type { ControlLimits } from './control/limits.ts'
import { PeerRegister } from './control/peer-register.ts'
import { Registrar } from './control/registration.ts'
import { SupernodeMetrics } from './metrics/supernode-metrics.ts'
import { bringContent } from './preheat/bring-content.ts'
import { PreheatFiles } from './preheat/preheat-files.ts'
import { Preheats, type KnownVersion, type PreheatSettings } from './preheat/preheats.ts'
import { BlockEnforcement } from './rules/block-enforcement.ts'
import type { BlockRule } from './rules/block-rule.ts'
import type { RuledPeer } from './rules/download-conditions.ts'
import { DownloadRules } from './rules/download-rules.ts'
import { PriorityEnforcement } from './rules/priority-enforcement.ts'
import type { PriorityRule } from './rules/priority-rule.ts'
import { BlockRules } from './rules/block-rules.ts'
import { PeerUsage } from './rules/peer-usage.ts'
import { RateControl } from './rules/rate-control.ts'
import type { RateRule } from './rules/rate-rule.ts'
import type { RuleList } from './rules/rule-list.ts'
import { CommandDelivery } from './scheduling/command-delivery.ts'
import { ParentIntroductions } from './scheduling/parent-introductions.ts'
import { SchedulerBridge } from './scheduling/scheduler-bridge.ts'
import { inspectParent } from './trust/inspect-parent.ts'
import { Inspections, type InspectionsInit } from './trust/inspections.ts'
import { AccessRenewal } from './swarm/access-renewal.ts'
import { Admission, type OriginProbe } from './swarm/admission.ts'
import { DigestSamples } from './swarm/digest-samples.ts'
import { manifestOf } from './swarm/manifest.ts'
import type { Passthrough } from './swarm/passthrough.ts'
import { TaskCatalogue } from './swarm/task-catalogue.ts'
import { UseLedger } from './swarm/use-ledger.ts'
import type { DiskShares } from './swarm/disk-shares.ts'
import { TaskRegistry } from './swarm/task-registry.ts'
import type { Task } from './swarm/task.ts'

export interface ControlParts {
  readonly identity: Identity
  /** Shown to peers, such as `supernode/0.1.0`. */
  readonly agent: string
  readonly cdn: Cdn
  /** The CDN's. */
  readonly store: Pick<PieceStore, 'first' | 'open' | 'records' | 'summary' | 'verifiedBytes'>
  readonly probe: OriginProbe
  /** Where contents are not cached. @default they are */
  readonly passthrough?: Passthrough | undefined
  readonly scheduler: Scheduler
  readonly announceQuorum: number
  /** Loaded. */
  readonly blockRules: RuleList<BlockRule>
  readonly rateRules: RuleList<RateRule>
  readonly priorityRules: RuleList<PriorityRule>
  /** Where preheats are kept, and how many are carried out. */
  readonly preheat: PreheatSettings & { readonly directory: string }
  readonly limits: ControlLimits
  /** Loaded, like the next. */
  readonly peerAdmission: PeerAdmission
  readonly revocations: TicketRevocations
  /** What channels between peers must have. @default whatever both sides accept */
  readonly demands?: ChannelDemands
  /** @default asks the accused over the network */
  readonly inspect?: InspectionsInit['inspect'] | undefined
  /** For whom the CDN keeps its contents. @default it is not counted */
  readonly shares?: Pick<DiskShares, 'demanded' | 'sized'> | undefined
  /** Body bytes received from origins. */
  readonly originBytes: () => number
  /** Bytes of pieces that the CDN has sent. */
  readonly cdnServedBytes: () => number
  readonly clock: Clock
  readonly logger: Logger
}

/** All that speaks with peers and schedules pieces, without sockets and disks. */
export interface AssembledControl {
  readonly control: ControlPlane
  readonly peers: PeerRegister
  readonly tasks: TaskRegistry
  readonly catalogue: TaskCatalogue
  readonly metrics: SupernodeMetrics
  readonly rateControl: RateControl
  /** To be loaded before the start. */
  readonly preheats: Preheats
  /** Puts the CDN among the peers and starts the clockwork. */
  readonly start: (cdnCard: ParentCard, cdnCapacity: PeerCapacity) => void
  /** Says Goodbye to the peers; `close` afterwards. */
  readonly stop: () => Promise<void>
}

export function assembleControl(parts: ControlParts): AssembledControl {
  const { identity, cdn, scheduler, limits, clock, logger } = parts
  const self = identity.peerId
  const supernodes = new Set([self])
  const stopping = new AbortController()
  let cdnCard: ParentCard = { peer: self, endpoints: [], security: 'auto', isCdn: true }

  const peers = new PeerRegister(limits.peers)
  const blocks = new BlockRules(parts.blockRules)
  const priorities = new DownloadRules(parts.priorityRules)
  const ruled = (id: PeerId): RuledPeer | undefined => {
    const peer = peers.get(id)
    return peer === undefined ? undefined : ruledPeerOf(peer)
  }
  const uses = new UseLedger({ store: parts.store, clock, logger })
  const tasks: TaskRegistry = new TaskRegistry({
    ports: {
      cdnPeer: self,
      announceQuorum: parts.announceQuorum,
      vouched: { left: limits.vouchedPieces },
      clock,
      schedule: (event) => bridge.handle(event),
      send: (peer, news) => peers.send(peer, news),
      isUploadBlocked: (id, spec) => {
        const peer = ruled(id)
        return peer !== undefined && blocks.find('upload', peer, spec) !== undefined
      },
      ruledPriority: (id, spec) => {
        const peer = ruled(id)
        return peer === undefined ? undefined : priorities.find(peer, spec)?.priority
      },
      turnedPrivate: (taskId) => void revocations.revoke({ taskId }),
      memberGone: (peer, taskId) => void peers.get(peer)?.tasks.delete(taskId),
    },
    source: {
      cdn,
      passthrough: parts.passthrough,
      clock,
      stopping: stopping.signal,
      fetched: (task) => {
        uses.fetched(task)
        parts.shares?.sized(task.spec.taskId, parts.store.verifiedBytes(task.spec.taskId))
      },
      sign: (swarm) => signManifest(identity, manifestOf(swarm)),
    },
    blocked: () => blockedNow(scheduler),
    maxTasks: limits.tasks,
    clock,
  })
  const unsubscribeFromChanges = cdn.onSuperseded((taskId) => tasks.get(taskId)?.source.superseded())
  const metrics = new SupernodeMetrics({
    peers: () => peers.count,
    tasks: () => tasks.count,
    originBytes: parts.originBytes,
    cdnServedBytes: parts.cdnServedBytes,
  })
  const { peerAdmission, revocations } = parts
  const tickets = new TicketSigner({
    identity,
    wallTime: () => clock.wallTime(),
    onNewKey: (signer) => logger.info({ signer }, 'tickets are signed with a new key'),
  })
  const introductions = new ParentIntroductions({ clock, revocations, signTicket: (grant) => tickets.sign(grant) })
  const delivery = new CommandDelivery({
    peers,
    task: (taskId) => tasks.get(taskId),
    introductions,
    cdnCard: () => cdnCard,
    metrics,
    schedule: (event) => bridge.handle(event),
    clock,
  })
  const bridge: SchedulerBridge = new SchedulerBridge({
    scheduler,
    clock,
    deliver: (command) => delivery.deliver(command),
    measured: (event, durationMs) => metrics.schedulerTook(event, durationMs),
  })
  const admission = new Admission({ cdn, probe: parts.probe, clock, stopping: stopping.signal })
  const renewal = new AccessRenewal({ cdn, tasks: () => tasks.list(), clock, stopping: stopping.signal, logger })
  const enforcement = new BlockEnforcement({ rules: blocks, tasks: () => tasks.list(), peer: ruled, logger })
  parts.blockRules.onChange(() => enforcement.apply())
  const priorityEnforcement = new PriorityEnforcement({ rules: priorities, tasks: () => tasks.list(), peer: ruled })
  parts.priorityRules.onChange(() => priorityEnforcement.apply())
  const rateControl = new RateControl({
    rules: parts.rateRules,
    peers: () => peers.list(),
    usage: new PeerUsage(),
    tell: (peer, { upload, download, origin }) =>
      peers.send(peer, { case: 'setRate', value: { upload: BigInt(upload), download: BigInt(download), origin: BigInt(origin) } }),
    clock,
  })
  const preheats = new Preheats({
    settings: parts.preheat,
    files: new PreheatFiles(parts.preheat.directory, logger),
    candidates: () =>
      [...peers.list()].filter(({ acceptsPreheats }) => acceptsPreheats).map(({ peer, hostName, location }) => ({ peer, hostName, location: location.location })),
    bring: (spec, credentials, listener, signal) => bringContent({ cdn, tasks, clock }, { spec, credentials, listener, signal }),
    version: (taskId) => versionOf(tasks.get(taskId)),
    send: (peer, news) => peers.send(peer, news),
    ended: (result, bytes) => metrics.preheated(result, bytes),
    clock,
    logger,
  })
  readMetrics(metrics.registry).gauge('damselfly_preheats_running', 'Preheats that are carried out', () => preheats.running)
  const samples = new DigestSamples({ passthrough: parts.passthrough, random: Math.random, stopping: stopping.signal, logger })
  const security = new SecurityInForce({ security: 'plain' }, parts.demands ?? NO_DEMANDS)
  const inspections = new Inspections({
    inspect: parts.inspect ?? ((accusation, signal) => inspectParent({ tickets, security, peers, tasks, revocations, clock }, accusation, signal)),
    caught: (parent) => bridge.handle({ type: 'parent-caught', peer: parent }),
    stopping: stopping.signal,
    clock,
    logger,
  })
  const control = new ControlPlane({
    admission: peerAdmission,
    revocations,
    samples,
    inspections,
    rates: rateControl,
    uses,
    preheats,
    self,
    agent: parts.agent,
    demands: parts.demands ?? NO_DEMANDS,
    peers,
    tasks,
    bridge,
    introductions,
    registrar: new Registrar({ demanded: (taskId, peer) => parts.shares?.demanded(taskId, peer, parts.store.verifiedBytes(taskId)), preheats, uses, blocks, tasks, admission, limits, clock, metrics, logger }),
    readManifest: (signedManifest) => verifyManifest(signedManifest, supernodes),
    limits,
    metrics,
    clock,
    logger,
  })

  const unsubscribeFromPrivacy = cdn.onTurnedPrivate((taskId) => {
    const task = tasks.get(taskId)
    if (task === undefined) void revocations.revoke({ taskId })
    else task.swarm.turnPrivate()
  })
  revocations.onRevoked((revocation) => control.tell(peers.list(), [revocation]))
  peerAdmission.onRevoked((peer) => {
    // Told before the channel ends, by which the others could not tell a revoked peer from one that left.
    void revocations.revoke({ peer })
    control.dismiss(peer, refusal(peer, 'somebody revoked it'))
  })

  return {
    control,
    peers,
    tasks,
    catalogue: new TaskCatalogue({ tasks, store: parts.store, cdn, uses }),
    metrics,
    rateControl,
    preheats,
    start: (card, capacity) => {
      cdnCard = card
      bridge.handle({ type: 'peer-joined', peer: self, capacity })
      tasks.start()
      renewal.start()
      preheats.start()
    },
    stop: async () => {
      await preheats.stop()
      await control.stop()
      stopping.abort()
      unsubscribeFromChanges()
      unsubscribeFromPrivacy()
      renewal.stop()
      rateControl.stop()
      bridge.stop()
      tasks.stop()
      await uses.stop()
    },
  }
}

/** What the CDN has or gets of a task. */
function versionOf(task: Task | undefined): KnownVersion | undefined {
  const stored = task?.source.task?.stored
  if (stored === undefined) return undefined
  const { etag, lastModified } = stored.record
  return { contentLength: stored.layout?.contentLength, etag, lastModified }
}

/** Whether a child may not use a parent, as it is now. */
function blockedNow(scheduler: Scheduler): (child: PeerId, parent: PeerId) => boolean {
  const forAll = new Set<PeerId>()
  const forOne = new Map<PeerId, Set<PeerId>>()
  for (const { child, parent } of scheduler.snapshotBlocklist()) {
    if (child === undefined) forAll.add(parent)
    else forOne.set(child, (forOne.get(child) ?? new Set()).add(parent))
  }
  return (child, parent) => forAll.has(parent) || forOne.get(child)?.has(parent) === true
}
