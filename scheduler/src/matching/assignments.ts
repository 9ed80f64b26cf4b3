import type { SchedulerCommand } from '../contract.ts'
import type { AssignmentOutcome, Basis } from '../explain/decision-observer.ts'
import type { AdmissionPolicy } from '../policies/admission.ts'
import { blend, UNKNOWN } from '../state/average.ts'
import { DeadlineQueue } from '../state/deadline-queue.ts'
import type { Assignment, Childhood, Member } from '../state/member.ts'
import type { Blocks } from './blocks.ts'
import { Crawling } from './crawling.ts'
import { crosses } from './crossing.ts'
import { LateUploads } from './late-uploads.ts'
import type { Reasons } from './reasons.ts'
import type { Wakes } from './wakes.ts'

/** A piece from the CDN is overdue after so many times what one usually takes. */
const OVERDUE_FACTOR = 4
const SHORTEST_PATIENCE_MS = 1_000
const LONGEST_PATIENCE_MS = 60_000
/** Before the first piece has come from the CDN. */
const FIRST_PATIENCE_MS = 10_000
/** The shortest duration that a rate is computed from, so that a rounded 0 ms is no infinite rate. */
const SHORTEST_MS = 0.01

/** All assignments under way; keeps what hangs on them in step: credits, slots, needs and copies to come. */
export class Assignments {
  readonly #wakes: Wakes
  readonly #admission: AdmissionPolicy
  readonly #reasons: Reasons
  readonly #late: LateUploads
  readonly #crawling: Crawling
  readonly #fromCdn = new DeadlineQueue<Assignment>(({ ended, overdue, forsaken }) => ended || overdue || forsaken)
  #cdnDurationMs = UNKNOWN
  #count = 0
  #now = 0

  constructor(wakes: Wakes, admission: AdmissionPolicy, reasons: Reasons, blocks: Blocks) {
    this.#crawling = new Crawling(blocks)
    this.#wakes = wakes
    this.#admission = admission
    this.#reasons = reasons
    this.#late = new LateUploads(wakes)
  }

  get count(): number {
    return this.#count
  }

  /**
   * Comes to the time at which all that follows happens. A child that is slow to get a piece from the CDN no longer keeps
   * the others from it, and one that is slow to get a piece at all no longer keeps a slot.
   */
  passTime(now: number): void {
    this.#now = now
    for (let late = this.#fromCdn.popDue(now); late !== undefined; late = this.#fromCdn.popDue(now)) {
      const { swarm } = late.child
      late.overdue = true
      if (swarm.uncountReceiver(late)) this.#wakes.losses.add(swarm)
    }
    this.#late.passTime(now)
    this.#crawling.passTime(now)
  }

  /** When time changes something next. */
  nextDeadline(): number | undefined {
    const next = Math.min(this.#fromCdn.next() ?? Infinity, this.#late.next() ?? Infinity, this.#crawling.next() ?? Infinity)
    return next === Infinity ? undefined : next
  }

  /** @param basis on what it rests, if the CDN gives what peers have */
  begin(member: Member, parent: Member, piece: number, commands: SchedulerCommand[], basis?: Basis): void {
    const child = member.child as Childhood
    const { peer } = parent
    const fromCdn = peer.isCdn
    const assignment: Assignment = {
      child: member,
      parent,
      piece,
      fromCdn,
      crossingInto: crosses(member, parent) ? member.local : undefined,
      decision: this.#reasons.assigned(member, parent, piece, basis ?? (fromCdn ? 'only-cdn' : 'peer')),
      startedAt: this.#now,
      loadAtStart: peer.uplink.loadAt(this.#now),
      counted: false,
      overdue: false,
      late: false,
      forsaken: false,
      ended: false,
      nextUpload: undefined,
      previousUpload: undefined,
      nextFetch: undefined,
    }
    this.#count++
    child.credits--
    child.toldBackToSource = false
    child.idleSince = undefined
    child.isPatienceOver = false
    assignment.crossingInto?.beginCrossing(piece)
    member.swarm.unneed(member, piece)
    child.fetches.add(assignment)
    parent.uploads.add(assignment)
    peer.uplink.begin(this.#now)
    peer.update()
    this.#late.watch(peer, this.#now)
    this.#crawling.watch(assignment, this.#now)
    member.swarm.countReceiver(assignment)
    if (fromCdn) this.#beginFromCdn(assignment, child)
    commands.push({ type: 'assign', task: member.swarm.id, child: member.peer.id, piece, parent: peer.id })
  }

  /** Ends an assignment, however it went. A piece that the child does not hold is needed again. */
  end(assignment: Assignment, outcome: AssignmentOutcome): void {
    const { child: member, piece } = assignment
    const { swarm, held } = member
    const child = member.child as Childhood
    assignment.ended = true
    this.#reasons.ended(assignment, outcome)
    this.#count--
    child.fetches.delete(assignment)
    const isMissing = !held.has(piece)
    if (isMissing) swarm.need(member, piece)
    swarm.queue(member)
    if (assignment.fromCdn) child.cdnInFlight--
    if (this.#release(assignment) && isMissing) this.#wakes.losses.add(swarm)
    if (isMissing) this.#wakes.children.add(member)
    else this.#wakes.relieved.add(member)
  }

  /**
   * The parent is gone, or is to send no more. The assignment is no burden and no copy any longer, but it is the child's
   * until the child says how it went: asked for the same piece of another parent meanwhile, it would only refuse.
   */
  forsake(assignment: Assignment): void {
    const { swarm } = assignment.child
    if (this.#release(assignment)) this.#wakes.losses.add(swarm)
    assignment.forsaken = true
  }

  /** Undoes what hangs on the parent. @returns whether somebody may have waited for the copy */
  #release(assignment: Assignment): boolean {
    const { child: { swarm }, parent, piece, crossingInto } = assignment
    if (assignment.forsaken) return false
    if (crossingInto !== undefined) {
      crossingInto.endCrossing(piece)
      swarm.deprived.add(crossingInto)
    }
    parent.uploads.delete(assignment)
    parent.peer.uplink.end(assignment.late, this.#now)
    if (parent.peer.update()) this.#wakes.slots.add(parent.peer)
    return swarm.uncountReceiver(assignment)
  }

  /** Learns from an assignment that ends well. */
  measure({ child, parent, fromCdn, startedAt, loadAtStart, forsaken }: Assignment, bytes: number, durationMs: number): void {
    if (forsaken) return
    parent.peer.uplink.measure(bytes, durationMs, startedAt, loadAtStart, this.#now)
    const rate = bytes / Math.max(durationMs, SHORTEST_MS)
    child.swarm.measure(parent, rate, this.#admission)
    if (fromCdn) this.#cdnDurationMs = blend(this.#cdnDurationMs, this.#now - startedAt)
  }

  #beginFromCdn(assignment: Assignment, child: Childhood): void {
    child.cdnInFlight++
    child.cdnTotal++
    const usual = this.#cdnDurationMs
    const patience = Number.isNaN(usual) ? FIRST_PATIENCE_MS : Math.max(SHORTEST_PATIENCE_MS, OVERDUE_FACTOR * usual)
    this.#fromCdn.push(assignment, this.#now + Math.min(patience, LONGEST_PATIENCE_MS))
  }
}
