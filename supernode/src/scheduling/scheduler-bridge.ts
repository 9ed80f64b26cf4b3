import type { Clock } from '@damselfly/shared'
import type { Scheduler, SchedulerCommand, SchedulerEvent } from '@damselfly/scheduler'

/** Below this a tick would come before anything can have changed; milliseconds. */
const MIN_TICK_MS = 1

export interface SchedulerBridgeDeps {
  readonly scheduler: Scheduler
  readonly clock: Clock
  /** Carries a command out; must not throw. Events that it causes are handled after it. */
  readonly deliver: (command: SchedulerCommand) => void
  /** How long the scheduler took over one event; milliseconds. */
  readonly measured: (event: SchedulerEvent['type'], durationMs: number) => void
}

/** Gives the pure scheduler its time, and its commands hands. */
export class SchedulerBridge {
  readonly #deps: SchedulerBridgeDeps
  readonly #events: SchedulerEvent[] = []
  #isHandling = false
  #isStopped = false
  #tick: { readonly at: number; readonly cancel: () => void } | undefined

  constructor(deps: SchedulerBridgeDeps) {
    this.#deps = deps
  }

  handle(event: SchedulerEvent): void {
    if (this.#isStopped) return
    this.#events.push(event)
    if (this.#isHandling) return
    this.#isHandling = true
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#handleOne(next)
    } finally {
      this.#isHandling = false
    }
    this.#planTick()
  }

  stop(): void {
    this.#isStopped = true
    this.#tick?.cancel()
    this.#tick = undefined
  }

  #handleOne(event: SchedulerEvent): void {
    const { scheduler, clock, deliver, measured } = this.#deps
    const started = clock.now()
    const commands = scheduler.handle(event, started)
    measured(event.type, clock.now() - started)
    for (const command of commands) deliver(command)
  }

  #planTick(): void {
    const { scheduler, clock } = this.#deps
    const at = scheduler.nextTick()
    if (at === this.#tick?.at) return
    this.#tick?.cancel()
    this.#tick = undefined
    if (at === undefined) return
    const cancel = clock.after(Math.max(MIN_TICK_MS, at - clock.now()), () => {
      this.#tick = undefined
      this.handle({ type: 'tick' })
    })
    this.#tick = { at, cancel }
  }
}
