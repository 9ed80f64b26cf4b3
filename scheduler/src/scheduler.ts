import type { PeerId, TaskId } from '@damselfly/shared'
import type {
  BlocklistEntry,
  ChildWait,
  RandomSource,
  Scheduler,
  SchedulerCommand,
  SchedulerEvent,
  SchedulerStats,
} from './contract.ts'
import type { DecisionObserver } from './explain/decision-observer.ts'
import { onChildJoined, onChildLeft, onPiecesWanted } from './events/child-events.ts'
import type { EventParts } from './events/event-parts.ts'
import { onPeerLeft, onPeerSeen } from './events/peer-events.ts'
import { onPieceDone, onPieceFailed, onPiecesAvailable, onPiecesDropped } from './events/piece-events.ts'
import { onOriginFailed, onTaskRegistered, onTaskRemoved } from './events/task-events.ts'
import { onUploadsShut } from './events/uploads-shut.ts'
import { Assignments } from './matching/assignments.ts'
import { Blocks } from './matching/blocks.ts'
import { Matcher } from './matching/matcher.ts'
import { Patience } from './matching/patience.ts'
import { Prospects } from './matching/prospects.ts'
import { Reasons } from './matching/reasons.ts'
import { waitOf } from './matching/waits.ts'
import type { WakeList } from './matching/wake-list.ts'
import { Wakes } from './matching/wakes.ts'
import type { Blocklist } from './policies/blocklist.ts'
import { defaultPolicies, type SchedulerPolicies } from './policies/policies.ts'
import type { Member } from './state/member.ts'
import { Register } from './state/register.ts'

export interface SchedulerOptions {
  /** Every choice that is left to chance is made with it. */
  readonly random: RandomSource
  /** Those left out are the defaults. */
  readonly policies?: Partial<SchedulerPolicies> | undefined
  /** @default nobody is told why something is decided */
  readonly observer?: DecisionObserver | undefined
}

export function createScheduler({ random, policies = {}, observer }: SchedulerOptions): Scheduler {
  return new PieceScheduler(random, { ...defaultPolicies(), ...policies }, observer)
}

/**
 * Each event first changes the state, then those who wait are served as far as the change made it possible:
 *
 *   event -> handler -> state
 *                    -> wakes -> matcher -> assign
 *                             -> prospects -> back-to-source
 *
 * Between two events no waiting child could be served, so only what changed needs a look.
 */
class PieceScheduler implements Scheduler {
  readonly #parts: EventParts
  readonly #blocklist: Blocklist
  readonly #matcher: Matcher
  readonly #prospects: Prospects
  readonly #patience: Patience

  constructor(random: RandomSource, policies: SchedulerPolicies, observer: DecisionObserver | undefined) {
    const register = new Register()
    const wakes = new Wakes()
    const blocks = new Blocks(policies.blocklist, register, wakes)
    const reasons = new Reasons(observer, blocks)
    const assignments = new Assignments(wakes, policies.admission, reasons, blocks)
    this.#blocklist = policies.blocklist
    const { uploadSlots } = policies
    this.#parts = { register, assignments, blocks, wakes, reasons, uploadSlots }
    this.#matcher = new Matcher({ ...policies, random, assignments, blocks })
    this.#patience = new Patience(wakes)
    this.#prospects = new Prospects(blocks, register.cdns)
  }

  handle(event: SchedulerEvent, now: number): readonly SchedulerCommand[] {
    const commands: SchedulerCommand[] = []
    this.#parts.reasons.begin(event, now)
    this.#passTime(now)
    this.#apply(event, now, commands)
    this.#serveWoken(now, commands)
    this.#sendToSource(now, commands)
    this.#parts.wakes.clear()
    return commands
  }

  nextTick(): number | undefined {
    const times = [this.#blocklist.nextExpiry(), this.#parts.assignments.nextDeadline(), this.#patience.next()]
    const next = Math.min(...times.map((time) => time ?? Infinity))
    return next === Infinity ? undefined : next
  }

  stats(): SchedulerStats {
    const { register, assignments } = this.#parts
    let waiting = 0
    for (const swarm of register.swarms.values()) waiting += swarm.waiting.size
    return { peers: register.peers.size, tasks: register.swarms.size, inFlight: assignments.count, waiting }
  }

  snapshotBlocklist(): readonly BlocklistEntry[] {
    return this.#blocklist.entries()
  }

  snapshotWait(task: TaskId, child: PeerId): ChildWait | undefined {
    const member = this.#parts.register.find(task, child)
    return member === undefined ? undefined : waitOf(member, this.#parts.blocks)
  }

  #passTime(now: number): void {
    this.#parts.assignments.passTime(now)
    this.#parts.blocks.expire(now)
    this.#patience.passTime(now)
  }

  #apply(event: SchedulerEvent, now: number, commands: SchedulerCommand[]): void {
    const parts = this.#parts
    switch (event.type) {
      case 'peer-joined':
        return onPeerSeen(event, true, parts)
      case 'capacity-changed':
        return onPeerSeen(event, false, parts)
      case 'peer-left':
        return onPeerLeft(event, parts)
      case 'task-registered':
        return onTaskRegistered(event, parts, commands)
      case 'task-removed':
        return onTaskRemoved(event, parts, commands)
      case 'origin-failed':
        return onOriginFailed(event, parts)
      case 'child-joined':
        return onChildJoined(event, parts)
      case 'child-left':
        return onChildLeft(event, parts)
      case 'pieces-wanted':
        return onPiecesWanted(event, parts)
      case 'pieces-available':
        return onPiecesAvailable(event, parts)
      case 'pieces-dropped':
        return onPiecesDropped(event, parts)
      case 'uploads-shut':
        return onUploadsShut(event, parts, commands)
      case 'piece-done':
        return onPieceDone(event, parts, now)
      case 'piece-failed':
        return onPieceFailed(event, parts, now)
      case 'parent-caught':
        return parts.blocks.caught(event.peer, now)
      case 'tick':
        return
    }
  }

  #serveWoken(now: number, commands: SchedulerCommand[]): void {
    const { children, relieved, possession, slots, losses } = this.#parts.wakes
    if (possession !== undefined) this.#matcher.offer(possession.member, possession.piece, commands)
    for (const peer of slots) this.#matcher.offerSlots(peer, commands)
    for (const { cdns } of losses) for (const cdn of cdns) this.#matcher.offer(cdn, undefined, commands)
    // Last: a child that freed a slot does not get it back before those that have waited for it.
    for (const member of inTurn(children)) this.#matcher.serve(member, commands)
    for (const member of inTurn(relieved)) this.#matcher.spare(member, commands)
    for (const { swarm } of children) this.#matcher.serveDeprived(swarm, commands)
    for (const { swarm } of relieved) this.#matcher.serveDeprived(swarm, commands)
    for (const swarm of losses) this.#matcher.serveDeprived(swarm, commands)
    for (const member of children) this.#patience.watch(member, now)
    for (const member of relieved) this.#patience.watch(member, now)
  }

  #sendToSource(now: number, commands: SchedulerCommand[]): void {
    const { children, relieved, losses } = this.#parts.wakes
    for (const member of children) this.#tellStranded(member, now, commands)
    for (const member of relieved) this.#tellStranded(member, now, commands)
    for (const swarm of losses) {
      for (const member of this.#prospects.doubtersIn(swarm)) this.#tellStranded(member, now, commands)
    }
  }

  #tellStranded(member: Member, now: number, commands: SchedulerCommand[]): void {
    if (!this.#isStranded(member, now)) return
    const pardoned = this.#parts.blocks.pardonFor(member, now)
    if (pardoned.length > 0) {
      if (member.child !== undefined) member.child.toldBackToSource = false
      for (const peer of pardoned) this.#matcher.offerSlots(peer, commands)
      return
    }
    const { swarm, peer } = member
    const reason = swarm.originFailed ? 'origin-failed' : 'no-parent'
    commands.push({ type: 'back-to-source', task: swarm.id, child: peer.id, reason })
    this.#parts.reasons.sentToSource(member, reason)
  }

  /** Whether a child has nothing left to hope for, and was not told so yet. */
  #isStranded(member: Member, now: number): boolean {
    const { child, swarm } = member
    if (child === undefined || child.credits === 0 || child.fetches.count > 0) return false
    if (child.need.count === 0 && swarm.pieceCount !== undefined) return false
    const hadBeenTold = child.toldBackToSource
    child.toldBackToSource = !this.#prospects.existFor(member, child, now)
    return child.toldBackToSource && !hadBeenTold
  }
}

/** Foreground first. */
function inTurn(members: WakeList<Member>): Iterable<Member> {
  return members.size < 2 ? members : [...members].toSorted((a, b) => urgencyOf(b) - urgencyOf(a))
}

function urgencyOf({ child }: Member): number {
  return child?.priority === 'background' ? 0 : 1
}
