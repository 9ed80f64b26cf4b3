import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

/**
 * From one look at the event loop to the next; milliseconds. Each look wakes the process up: one every 10 ms, as is
 * usual, takes a third of a percent of a core from a program that has nothing to do.
 */
const LOOK_EVERY_MS = 100

/** Adds how far the event loop is behind, which is how long everybody waits, over the time since it was read last. */
export function addEventLoopLag(registry: Registry): void {
  const delays = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS })
  delays.enable()
  const gauge = (name: string, help: string, collect?: () => void): Gauge =>
    new Gauge({ name: `nodejs_eventloop_lag_${name}_seconds`, help, registers: [registry], ...(collect === undefined ? {} : { collect }) })
  // The first is asked first, and answers for all.
  const max = gauge('max', 'Longest lag of the event loop since the last look at it', () => {
    max.set(lagOf(delays.max))
    mean.set(lagOf(delays.mean))
    p50.set(lagOf(delays.percentile(50)))
    p99.set(lagOf(delays.percentile(99)))
    delays.reset()
  })
  const mean = gauge('mean', 'Mean lag of the event loop since the last look at it')
  const p50 = gauge('p50', 'Median lag of the event loop since the last look at it')
  const p99 = gauge('p99', '99th percentile of the lag of the event loop since the last look at it')
}

/** @param nanoseconds from look to look, so without the pause between; not a number where there was no look. @returns seconds */
function lagOf(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - LOOK_EVERY_MS / 1000) || 0
}
