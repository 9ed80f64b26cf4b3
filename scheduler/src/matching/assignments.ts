import type { SchedulerCommand } from '../contract.ts'
import type { AssignmentOutcome, Basis } from '../explain/decision-observer.ts'
import type { AdmissionPolicy } from '../policies/admission.ts'
import { blend } from '../state/average.ts'
import { DeadlineQueue } from '../state/deadline-queue.ts'
import type { Assignment, Childhood, Member } from '../state/member.ts'
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
  readonly #fromCdn = new DeadlineQueue<Assignment>(({ ended, overdue }) => ended || overdue)
  #cdnDurationMs: number | undefined
  #count = 0

  constructor(wakes: Wakes, admission: AdmissionPolicy, reasons: Reasons) {
    this.#wakes = wakes
    this.#admission = admission
    this.#reasons = reasons
  }

  get count(): number {
    return this.#count
  }

  /** @param basis on what it rests, if the CDN gives what peers have */
  begin(member: Member, parent: Member, piece: number, now: number, commands: SchedulerCommand[], basis?: Basis): void {
    const child = member.child as Childhood
    const fromCdn = parent.peer.isCdn
    const decision = this.#reasons.assigned(member, parent, piece, basis ?? (fromCdn ? 'only-cdn' : 'peer'))
    const assignment: Assignment = {
      child: member, parent, piece, fromCdn, decision, startedAt: now, counted: false, overdue: false, ended: false,
    }
    this.#count++
    child.credits--
    child.toldBackToSource = false
    member.swarm.unneed(member, piece)
    child.fetching.push(assignment)
    parent.uploads.push(assignment)
    parent.peer.occupySlot()
    member.swarm.countReceiver(assignment)
    if (fromCdn) this.#beginFromCdn(assignment, child, now)
    commands.push({ type: 'assign', task: member.swarm.id, child: member.peer.id, piece, parent: parent.peer.id })
  }

  /** Ends an assignment, however it went. A piece that the child does not hold is needed again. */
  end(assignment: Assignment, outcome: AssignmentOutcome): void {
    const { child: member, parent, piece } = assignment
    const { swarm, held } = member
    const child = member.child as Childhood
    assignment.ended = true
    this.#reasons.ended(assignment, outcome)
    this.#count--
    remove(child.fetching, assignment)
    const isMissing = !held.has(piece)
    if (isMissing) swarm.need(member, piece)
    swarm.queue(member)
    if (assignment.fromCdn) child.cdnInFlight--
    remove(parent.uploads, assignment)
    if (parent.peer.vacateSlot()) this.#wakes.slots.add(parent.peer)
    if (swarm.uncountReceiver(assignment) && isMissing) this.#wakes.losses.add(swarm)
    if (isMissing) this.#wakes.children.add(member)
    else this.#wakes.relieved.add(member)
  }

  /** Learns from an assignment that ended well. */
  measure(assignment: Assignment, bytes: number, durationMs: number, now: number): void {
    const { child, parent, fromCdn, startedAt } = assignment
    const rate = bytes / Math.max(durationMs, SHORTEST_MS)
    parent.peer.measure(rate)
    child.swarm.measure(parent, rate, (throughput, cdnRate) => this.#admission.isSlow(throughput, cdnRate))
    if (fromCdn) this.#cdnDurationMs = blend(this.#cdnDurationMs, now - startedAt)
  }

  /** A child that is slow to get a piece from the CDN no longer keeps the others from it. */
  passTime(now: number): void {
    for (let late = this.#fromCdn.popDue(now); late !== undefined; late = this.#fromCdn.popDue(now)) {
      const { swarm } = late.child
      late.overdue = true
      if (swarm.uncountReceiver(late)) this.#wakes.losses.add(swarm)
    }
  }

  /** When an assignment becomes overdue next. */
  nextOverdue(): number | undefined {
    return this.#fromCdn.next()
  }

  #beginFromCdn(assignment: Assignment, child: Childhood, now: number): void {
    child.cdnInFlight++
    child.cdnTotal++
    const usual = this.#cdnDurationMs
    const patience = usual === undefined ? FIRST_PATIENCE_MS : Math.max(SHORTEST_PATIENCE_MS, OVERDUE_FACTOR * usual)
    this.#fromCdn.push(assignment, now + Math.min(patience, LONGEST_PATIENCE_MS))
  }
}

/** The order is of no importance. */
function remove<T>(items: T[], item: T): void {
  const last = items.pop() as T
  if (last !== item) items[items.indexOf(item)] = last
}
