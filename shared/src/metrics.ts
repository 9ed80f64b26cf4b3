import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { addEventLoopLag } from './event-loop-lag.ts'

export { Counter, Gauge, Histogram, Registry }

const LAG = 'nodejs_eventloop_lag'

/** A look at the event loop so seldom costs nothing; milliseconds. */
const NEVER = 2 ** 31 - 1

/** A registry of its own for each program instance, so that several can live in one process. */
export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER })
  for (const { name } of registry.getMetricsAsArray()) if (name.startsWith(LAG)) registry.removeSingleMetric(name)
  addEventLoopLag(registry)
  return registry
}

export interface CounterSource {
  readonly name: string
  readonly help: string
  /** What was counted so far. */
  readonly read: () => number
  readonly registry: Registry
}

/** A counter that somebody else keeps, and that is read when somebody looks. */
export function counterOf({ name, help, read, registry }: CounterSource): void {
  const made: Counter = new Counter({
    name,
    help,
    registers: [registry],
    collect: (): void => {
      made.reset()
      made.inc(read())
    },
  })
}
