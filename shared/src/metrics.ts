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

type AddMetric = (name: string, help: string, read: () => number) => void

/** Adds metrics that somebody else keeps, and that are read when somebody looks. */
export interface ReadMetrics {
  readonly gauge: AddMetric
  readonly counter: AddMetric
}

export function readMetrics(registry: Registry): ReadMetrics {
  const registers = [registry]
  return {
    gauge: (name, help, read) => {
      const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) })
    },
    counter: (name, help, read) => {
      const collect = (): void => {
        made.reset()
        made.inc(read())
      }
      const made: Counter = new Counter({ name, help, registers, collect })
    },
  }
}
