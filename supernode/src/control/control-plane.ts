import { DamselflyError, isErrorCode, ORIGIN_PEER, TimeShares, type Clock, type ErrorCode, type PeerId, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Announce, Hello, PieceDone, PieceFailed, PieceStored, Want } from '@damselfly/shared/wire'
import { revocationsToWire, type ChannelDemands, type Channel, type TicketRevocation } from '@damselfly/exchange'
import type { FailureReason } from '@damselfly/scheduler'
import type { PeerAdmission } from '../admission/peer-admission.ts'
import type { TicketRevocations } from '../admission/ticket-revocations.ts'
import type { Preheats } from '../preheat/preheats.ts'
import type { SupernodeMetrics } from '../metrics/supernode-metrics.ts'
import type { RateControl } from '../rules/rate-control.ts'
import type { ParentIntroductions } from '../scheduling/parent-introductions.ts'
import type { SchedulerBridge } from '../scheduling/scheduler-bridge.ts'
import type { DigestSamples } from '../swarm/digest-samples.ts'
import { takeInventory, type ManifestReader } from '../swarm/inventory.ts'
import type { UseLedger } from '../swarm/use-ledger.ts'
import type { TaskRegistry } from '../swarm/task-registry.ts'
import type { Inspections } from '../trust/inspections.ts'
import { readAnnouncement } from './announcement.ts'
import { capacityOf, readHello, type ConnectedPeer } from './connected-peer.ts'
import { MAX_WANTED, WINDOW, type ControlLimits } from './limits.ts'
import type { PeerRegister } from './peer-register.ts'
import { readDigest, readTaskId } from './peer-words.ts'
import type { Registrar } from './registration.ts'
import { RegistrationQueue } from './registration-queue.ts'
import { Session, type PeerRequest, type SessionListener } from './session.ts'

export interface ControlPlaneDeps {
  readonly self: PeerId
  readonly agent: string
  /** What channels between peers must have. */
  readonly demands: ChannelDemands
  /** Who may come. */
  readonly admission: Pick<PeerAdmission, 'check'>
  /** Tickets that count no more. */
  readonly revocations: Pick<TicketRevocations, 'live'>
  readonly peers: PeerRegister
  readonly tasks: TaskRegistry
  readonly bridge: SchedulerBridge
  readonly introductions: ParentIntroductions
  readonly registrar: Registrar
  readonly rates: RateControl
  readonly uses: Pick<UseLedger, 'served'>
  readonly preheats: Pick<Preheats, 'peerJoined' | 'peerLeft' | 'reported'>
  readonly samples: DigestSamples
  readonly inspections: Pick<Inspections, 'accused'>
  readonly readManifest: ManifestReader
  readonly limits: ControlLimits
  readonly metrics: SupernodeMetrics
  readonly clock: Clock
  readonly logger: Logger
}

/** What one peer's messages may take of this thread's time at once after a pause; milliseconds. */
const BURST_MS = 2000

/** Speaks with the peers: turns what they say into events, and keeps who is connected. */
export class ControlPlane implements SessionListener {
  readonly #deps: ControlPlaneDeps
  readonly #sessions = new Set<Session>()
  readonly #peerOf = new WeakMap<Session, ConnectedPeer>()
  readonly #registrations: RegistrationQueue
  readonly #shares: TimeShares<PeerId>
  #isStopping = false

  constructor(deps: ControlPlaneDeps) {
    this.#deps = deps
    const { registrar, limits, clock } = deps
    this.#shares = new TimeShares({ share: limits.timePerPeer, burstMs: BURST_MS, clock, allAlone: true })
    this.#registrations = new RegistrationQueue({ registrar, shares: this.#shares, limits, clock })
  }

  /** Takes a new control channel over. */
  accept(channel: Channel): void {
    if (this.#isStopping) return channel.abort(new DamselflyError('CHANNEL_CLOSED', 'the supernode stops'))
    const session = new Session(channel, this, this.#deps.limits, this.#deps.clock)
    this.#sessions.add(session)
    session.start()
  }

  /** Says Goodbye to everybody. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const registrations = this.#registrations.stop()
    await Promise.all([...this.#sessions].map((session) => session.end('the supernode stops')))
    await registrations
  }

  /** Tickets count no more. */
  tell(peers: Iterable<ConnectedPeer>, revocations: readonly TicketRevocation[]): void {
    if (revocations.length === 0) return
    const value = revocationsToWire(revocations)
    for (const { session } of peers) session.send({ case: 'revokeTickets', value })
  }

  /** Ends the peer's channel, and tells it why. */
  dismiss(peer: PeerId, error: DamselflyError): void {
    for (const session of this.#sessions) if (session.peer === peer) session.dismiss(error)
  }

  hello(session: Session, hello: Hello): void {
    const { self, agent, demands, admission, peers, bridge, limits, clock, logger } = this.#deps
    if (session.peer === self) throw new DamselflyError('PROTOCOL', 'this PeerId is the supernode itself')
    admission.check(session.peer, hello.joinToken, session.remoteAddress)
    const peer = readHello(session, hello, clock.wallTime(), limits.claimsPerPeer, demands.security)
    const replaced = peers.get(session.peer)
    if (replaced !== undefined) this.#replace(replaced)
    peers.add(peer)
    this.#peerOf.set(session, peer)
    bridge.handle({ type: 'peer-joined', peer: peer.peer, capacity: capacityOf(peer) })
    session.send({ case: 'welcome', value: { agent, window: WINDOW, security: demands.security, ciphers: [...(demands.ciphers ?? [])] } })
    this.tell([peer], this.#deps.revocations.live())
    this.#deps.rates.joined(peer)
    this.#deps.preheats.peerJoined(peer.peer)
    logger.info({ peer: peer.peer, address: session.remoteAddress, agent: peer.agent }, 'peer connected')
  }

  request(session: Session, request: PeerRequest): void {
    const peer = this.#peerOf.get(session)
    if (peer === undefined) return
    switch (request.case) {
      case 'announce':
        return this.#announced(peer, request.value)
      case 'register':
        return this.#registrations.add(peer, request.value)
      case 'want':
        return this.#want(peer, request.value)
      case 'pieceDone':
        return this.#pieceDone(peer, request.value)
      case 'pieceFailed':
        return this.#pieceFailed(peer, request.value)
      case 'pieceStored':
        return this.#pieceStored(peer, request.value)
      case 'leaveTask':
        return this.#leave(peer, readTaskId(request.value.taskId))
      case 'preheatReport':
        return this.#deps.preheats.reported(peer.peer, request.value)
      case 'dropTask': {
        const taskId = readTaskId(request.value.taskId)
        this.#deps.introductions.forget(peer, taskId)
        this.#deps.tasks.get(taskId)?.swarm.drop(peer.peer)
        return this.#deps.tasks.memberLeft(taskId)
      }
    }
  }

  took({ peer }: Session, ms: number): number {
    const wait = this.#shares.spend(peer, ms)
    if (wait > 0) this.#deps.metrics.heldBack(wait)
    return wait
  }

  ended(session: Session, error: DamselflyError | undefined): void {
    this.#sessions.delete(session)
    const peer = this.#peerOf.get(session)
    this.#logEnd(session, error)
    if (peer !== undefined) this.#gone(peer)
  }

  #replace(old: ConnectedPeer): void {
    void old.session.end('another channel of the same peer took over')
  }

  #logEnd({ peer, remoteAddress: address }: Session, error: DamselflyError | undefined): void {
    const { metrics, logger } = this.#deps
    if (error !== undefined && error.code !== 'CHANNEL_CLOSED') metrics.peerRefused(error.code)
    if (error === undefined || error.code === 'CHANNEL_CLOSED') {
      logger.info({ peer, address, reason: error?.message }, 'peer disconnected')
    } else if (error.code === 'INTERNAL') {
      logger.error({ peer, address, err: error }, 'control channel ended')
    } else {
      logger.warn({ peer, address, code: error.code, error: error.message }, 'control channel ended')
    }
  }

  #gone(peer: ConnectedPeer): void {
    const { peers, tasks, bridge } = this.#deps
    peers.remove(peer)
    this.#registrations.forget(peer)
    peer.gone.abort(new DamselflyError('CANCELLED', 'the peer is gone'))
    const left = [...peer.tasks]
    for (const taskId of left) tasks.get(taskId)?.swarm.disconnected(peer.peer)
    bridge.handle({ type: 'peer-left', peer: peer.peer })
    for (const taskId of left) tasks.memberLeft(taskId)
    // Another channel of the same peer may have taken over.
    if (peers.get(peer.peer) === undefined) this.#deps.rates.left(peer.peer)
    this.#deps.preheats.peerLeft(peer.peer)
  }

  #announced(peer: ConnectedPeer, announce: Announce): void {
    const { tasks, limits, metrics, readManifest } = this.#deps
    // Reading it takes longest, and nothing of it could count.
    const said = readTaskId(announce.taskId)
    if (peer.claimBudget.left <= 0 && announce.signedManifest.length === 0 && tasks.get(said) === undefined) return metrics.announcementRefused('claims')
    if (!peer.tasks.has(said) && peer.tasks.size >= limits.tasksPerPeer) return metrics.announcementRefused('tasks-per-peer')
    if (!tasks.hasRoomFor(said)) return metrics.announcementRefused('tasks')
    const announcement = readAnnouncement(announce)
    if (announcement.pieces.length === 0) return
    takeInventory(tasks.use(announcement.spec), peer, announcement, readManifest)
  }

  #want(peer: ConnectedPeer, { taskId, count, background, from }: Want): void {
    const task = this.#deps.tasks.get(readTaskId(taskId))
    if (task?.swarm.members.get(peer.peer)?.child === undefined) return
    if (from !== undefined) task.source.wantFrom(from * (task.swarm.content.pieceSize ?? 0))
    task.swarm.wants(peer.peer, Math.min(MAX_WANTED, count), background ? 'background' : 'foreground', from)
  }

  #pieceDone(peer: ConnectedPeer, { taskId, index, parent, bytes: said, durationUs }: PieceDone): void {
    const { tasks, bridge, metrics, rates } = this.#deps
    const task = readTaskId(taskId)
    const swarm = tasks.get(task)?.swarm
    const member = swarm?.members.get(peer.peer)
    const from = this.#sender(peer, task, index, parent)
    if (swarm === undefined || member === undefined || from === undefined) return
    if (parent === ORIGIN_PEER && !member.possession.has(index)) {
      return this.#failed(peer, task, index, from, 'refused')
    }
    if (swarm.content.digest(index) === undefined) return
    const bytes = Math.min(said, swarm.content.pieceSize ?? 0)
    swarm.settleAssignment(peer.peer, index)
    // What comes from the origin was counted when its digest was told, and nothing comes twice, whatever a child says.
    if (parent !== ORIGIN_PEER && !member.possession.has(index)) {
      metrics.pieceReported(from === this.#deps.self ? 'cdn' : 'peer', bytes)
      rates.moved(peer.peer, from, bytes)
      this.#deps.uses.served(task, bytes)
    }
    bridge.handle({ type: 'piece-done', task, peer: peer.peer, piece: index, parent: from, bytes, durationMs: durationUs / 1000 })
    swarm.claim(member, [[index, undefined]])
  }

  #pieceFailed(peer: ConnectedPeer, { taskId, index, parent, reason: code, message }: PieceFailed): void {
    const task = readTaskId(taskId)
    const from = this.#sender(peer, task, index, parent)
    if (from === undefined) return
    this.#deps.logger.debug({ task, child: peer.peer, parent, piece: index, code, error: message.slice(0, 256) }, 'piece failed')
    this.#failed(peer, task, index, from, failureReasonOf(code))
  }

  #failed(peer: ConnectedPeer, task: TaskId, piece: number, parent: PeerId, reason: FailureReason): void {
    const { self, tasks, bridge, metrics } = this.#deps
    tasks.get(task)?.swarm.settleAssignment(peer.peer, piece)
    metrics.pieceFailed(reason)
    bridge.handle({ type: 'piece-failed', task, peer: peer.peer, piece, parent, reason })
    if (reason === 'corrupt' && parent !== self) this.#deps.inspections.accused({ task, piece, parent, child: peer.peer })
  }

  /**
   * Whom the child speaks of; the CDN stands for the origin. It may also take a piece from another parent that it knows
   * than the one assigned, but undefined for a stranger, and for the origin where it was not sent there.
   */
  #sender(peer: ConnectedPeer, task: TaskId, index: number, parent: string): PeerId | undefined {
    const { tasks, introductions, self } = this.#deps
    if (parent !== ORIGIN_PEER) return introductions.knows(peer, task, parent as PeerId) ? (parent as PeerId) : undefined
    const swarm = tasks.get(task)?.swarm
    const isSent = swarm?.isPassedOn === true && swarm.members.get(peer.peer)?.child?.assignments.has(index) === true
    return isSent ? self : undefined
  }

  #pieceStored(peer: ConnectedPeer, { taskId, index, digest }: PieceStored): void {
    const { tasks, metrics } = this.#deps
    const swarm = tasks.get(readTaskId(taskId))?.swarm
    const member = swarm?.members.get(peer.peer)
    const own = readDigest(digest)
    if (swarm === undefined || member === undefined || !swarm.content.hasPiece(index)) return
    const { layout } = swarm.content
    if (layout !== undefined) {
      metrics.pieceReported('origin', layout.piece(index).length)
      this.#deps.rates.moved(peer.peer, undefined, layout.piece(index).length)
    }
    const { samples } = this.#deps
    if (samples.believes(peer.peer) && swarm.found(member, index, own)) samples.consider(swarm, peer.peer, index, own)
    swarm.claim(member, [[index, own]])
  }

  #leave(peer: ConnectedPeer, taskId: TaskId): void {
    this.#deps.introductions.forget(peer, taskId)
    this.#deps.tasks.get(taskId)?.swarm.leaveChild(peer.peer)
  }
}

const REASONS: Partial<Record<ErrorCode, FailureReason>> = {
  PIECE_CORRUPT: 'corrupt',
  TIMEOUT: 'timeout',
  PIECE_REFUSED: 'refused',
  TICKET_INVALID: 'refused',
  PEER_UNREACHABLE: 'unreachable',
  PEER_IDENTITY: 'unreachable',
  CHANNEL_CLOSED: 'unreachable',
  PROTOCOL: 'refused',
  CANCELLED: 'cancelled',
}

/** What a child's error means for the scheduler; its own troubles (a full disk, say) are not the parent's fault. */
function failureReasonOf(code: string): FailureReason {
  return (isErrorCode(code) ? REASONS[code] : undefined) ?? 'cancelled'
}
