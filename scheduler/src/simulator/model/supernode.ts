import { DamselflyError, type PeerId } from '@damselfly/shared'
import type { Scheduler, SchedulerCommand, SchedulerEvent } from '../../contract.ts'
import type { Agenda } from '../agenda.ts'

/** More events in one moment mean that scheduler and children answer each other without end. */
const MOST_AT_ONCE = 2_000_000

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
    this.events++
    for (const command of commands) {
      if (command.type === 'assign') this.assignments++
      send('child' in command ? command.child : command.peer, command)
    }
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
