import { messageOf, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { Counter, type Registry } from '@damselfly/shared/metrics'
import type { PolicyFault } from '@damselfly/scheduler/plugin'

/** A policy that fails may do so at each decision; how often the log says so, for each policy. Milliseconds. */
const LOG_EVERY_MS = 60_000

interface Tally {
  count: number
  /** As of the last line in the log. */
  logged: number
  loggedAt: number
}

/** Counts what policies of somebody's do wrong, and says so now and then. */
export class PolicyFaults {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #tallies = new Map<string, Tally>()

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  note({ policy, error }: PolicyFault): void {
    const now = this.#clock.now()
    const tally = this.#tallies.get(policy) ?? { count: 0, logged: 0, loggedAt: Number.NEGATIVE_INFINITY }
    this.#tallies.set(policy, tally)
    tally.count++
    if (now - tally.loggedAt < LOG_EVERY_MS) return
    const faults = tally.count - tally.logged
    this.#logger.error({ policy, faults, error: messageOf(error) }, 'a policy failed; the default decides instead')
    tally.logged = tally.count
    tally.loggedAt = now
  }

  expose(registry: Registry): void {
    const counter: Counter<'policy'> = new Counter({
      name: 'damselfly_policy_faults_total',
      help: 'Decisions that a policy of your own failed to make, and the default made',
      labelNames: ['policy'],
      registers: [registry],
      collect: (): void => {
        counter.reset()
        for (const [policy, { count }] of this.#tallies) counter.inc({ policy }, count)
      },
    })
  }
}
