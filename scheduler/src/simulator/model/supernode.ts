import { DamselflyError, type PeerId } from '@damselfly/shared'
import type { Scheduler, SchedulerCommand, SchedulerEvent } from '../../contract.ts'
import type { Agenda } from '../agenda.ts'

/** More events in one moment mean that scheduler and children answer each other without end. */
const MOST_AT_ONCE = 2_000_000

/** How long it takes to fetch one piece from somebody who is accused; milliseconds. */
const INSPECTION_MS = 1000

export interface SupernodeDeps {
  readonly scheduler: Scheduler
  readonly agenda: Agenda
  /** Carries a command to the peer that it is for. */
  readonly send: (to: PeerId, command: SchedulerCommand) => void
}

/** Gives the scheduler events and time, and its commands hands. */
export class Supernode {
  readonly #deps: SupernodeDeps
  readonly #inbox: SchedulerEvent[] = []
  /** Parents that are looked into. */
  readonly #inspected = new Set<PeerId>()
  #isHandling = false
  #tickAt = Infinity
  #moment = 0
  #inMoment = 0
  /** What the scheduler decided. */
  events = 0
  assignments = 0
  /** How long it took; milliseconds. */
  busyMs = 0

  constructor(deps: SupernodeDeps) {
    this.#deps = deps
  }

  handle(...events: readonly SchedulerEvent[]): void {
    this.#inbox.push(...events)
    if (this.#isHandling) return
    this.#isHandling = true
    for (let next = 0; next < this.#inbox.length; next++) this.#handleOne(this.#inbox[next] as SchedulerEvent)
    this.#inbox.length = 0
    this.#isHandling = false
    this.#planTick()
  }

  #handleOne(event: SchedulerEvent): void {
    const { scheduler, agenda, send } = this.#deps
    this.#checkProgress(event)
    const started = performance.now()
    const commands = scheduler.handle(event, agenda.now)
    this.busyMs += performance.now() - started
    if (event.type === 'piece-failed' && event.reason === 'corrupt') this.#inspect(event.parent)
    this.events++
    for (const command of commands) {
      if (command.type === 'assign') this.assignments++
      send('child' in command ? command.child : command.peer, command)
    }
  }

  /** The piece is asked for by the supernode too. In the model nobody speaks ill of an honest parent, so what it finds is certain. */
  #inspect(parent: PeerId): void {
    if (this.#inspected.has(parent)) return
    this.#inspected.add(parent)
    this.#deps.agenda.after(INSPECTION_MS, () => {
      this.#inspected.delete(parent)
      this.handle({ type: 'parent-caught', peer: parent })
    })
  }

  #checkProgress({ type }: SchedulerEvent): void {
    const { now } = this.#deps.agenda
    this.#inMoment = now === this.#moment ? this.#inMoment + 1 : 0
    this.#moment = now
    if (this.#inMoment < MOST_AT_ONCE) return
    throw new DamselflyError('INTERNAL', `the scheduler and the children go round in circles at ${now} ms (last: ${type})`)
  }

  #planTick(): void {
    const { scheduler, agenda } = this.#deps
    const at = scheduler.nextTick() ?? Infinity
    if (at >= this.#tickAt) return
    this.#tickAt = at
    agenda.after(Math.max(1, at - agenda.now), () => {
      this.#tickAt = Infinity
      // Planned for something that did not come to it.
      if ((scheduler.nextTick() ?? Infinity) > agenda.now) this.#planTick()
      else this.handle({ type: 'tick' })
    })
  }
}
