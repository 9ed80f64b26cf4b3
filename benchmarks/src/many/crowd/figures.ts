import { figure, type Figure, type Goal } from '../../figure.ts'
import { ratios, type Runs } from '../../rounds.ts'
import { quantile } from '../quantile.ts'
import { inMegabytes } from '../resident-memory.ts'
import type { Run } from './ways.ts'

export type CrowdRuns = Runs<'reference' | 'cold' | 'warm', Run>

const ALL: Goal = { op: '==', value: 100 }

export function figuresOf(runs: CrowdRuns): readonly Figure[] {
  const { reference } = runs
  return [
    figure('cold succeeded', '%', runs.cold.map(succeeded), ALL),
    figure('warm succeeded', '%', runs.warm.map(succeeded), ALL),
    figure('daemon memory', 'MB', [Math.max(...runs.cold.map(memory), ...runs.warm.map(memory))]),
    ...(['cold', 'warm'] as const).flatMap((way) => [
      figure(`${way} / reference`, 'x', ratios(runs[way], reference, ({ wall }) => wall)),
      figure(`${way} wall`, 's', runs[way].map(({ wall }) => wall)),
      figure(`${way} p50`, 's', runs[way].map(({ times }) => quantile(times, 0.5))),
      figure(`${way} p99`, 's', runs[way].map(({ times }) => quantile(times, 0.99))),
      figure(`${way} dfdaemon CPU`, 'CPU-s', runs[way].map(({ daemonCpu }) => daemonCpu)),
      figure(`${way} supernode CPU`, 'CPU-s', runs[way].map(({ supernodeCpu }) => supernodeCpu)),
    ]),
    figure('reference wall', 's', reference.map(({ wall }) => wall)),
  ]
}

function succeeded({ failed, times }: Run): number {
  return 100 * (1 - failed / times.length)
}

function memory({ daemonMemory }: Run): number {
  return inMegabytes(daemonMemory)
}
