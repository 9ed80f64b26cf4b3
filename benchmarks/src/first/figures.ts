import { figure, type Figure, type Goal } from '../figure.ts'
import { ratios, type Runs } from '../rounds.ts'
import type { Run } from './ways.ts'

type WayName = 'reference' | 'aria2' | OurWay
type OurWay = (typeof OURS)[number]

export type FirstRuns = Runs<WayName, Run>

const OURS = ['cold', 'warm', 'three', 'cold encrypted', 'warm encrypted'] as const

export function figuresOf(runs: FirstRuns): readonly Figure[] {
  const { cold, warm, three } = runs
  return [
    figure('cold / reference', 'x', wallRatios(cold, runs), atMost(1.5)),
    figure('warm / reference', 'x', wallRatios(warm, runs), atMost(1.1)),
    figure('three cold, last / reference', 'x', wallRatios(three, runs), atMost(3)),
    figure('three share from peers', '%', three.map(({ fromPeers }) => fromPeers * 100), { op: '>=', value: 60 }),
    figure('cold origin bytes', 'x', cold.map(({ fromOrigin }) => fromOrigin), { op: '==', value: 1 }),
    figure('warm origin bytes', 'x', warm.map(({ fromOrigin }) => fromOrigin), { op: '==', value: 0 }),
    figure('three origin bytes', 'x', three.map(({ fromOrigin }) => fromOrigin), { op: '==', value: 1 }),
    figure('warm share from peers', '%', warm.map(({ fromPeers }) => fromPeers * 100)),
    ...OURS.map((way) => figure(`${way} CPU / reference`, 'x', ratios(runs[way], runs.reference, totalCpu))),
    ...(['cold encrypted', 'warm encrypted'] as const).map((way) => figure(`${way} / reference`, 'x', wallRatios(runs[way], runs))),
    ...ariaFigures(runs),
    figure('reference wall', 's', runs.reference.map(({ wall }) => wall)),
    figure('reference CPU', 'CPU-s', runs.reference.map(totalCpu)),
    ...OURS.flatMap((way) => secondsOf(way, runs[way])),
  ]
}

function ariaFigures(runs: FirstRuns): readonly Figure[] {
  if (runs.aria2.length === 0) return []
  return [
    figure('aria2 / reference', 'x', wallRatios(runs.aria2, runs)),
    figure('aria2 CPU / reference', 'x', ratios(runs.aria2, runs.reference, totalCpu)),
  ]
}

function secondsOf(way: OurWay, of: readonly Run[]): readonly Figure[] {
  return [
    figure(`${way} wall`, 's', of.map(({ wall }) => wall)),
    figure(`${way} dfget CPU`, 'CPU-s', of.map(({ clientCpu }) => clientCpu)),
    figure(`${way} dfdaemon CPU`, 'CPU-s', of.map(({ peersCpu }) => peersCpu)),
    figure(`${way} supernode CPU`, 'CPU-s', of.map(({ supernodeCpu }) => supernodeCpu)),
    figure(`${way} nginx CPU`, 'CPU-s', of.map(({ originCpu }) => originCpu)),
  ]
}

function wallRatios(of: readonly Run[], { reference }: FirstRuns): readonly number[] {
  return ratios(of, reference, ({ wall }) => wall)
}

function totalCpu(run: Run): number {
  return run.totalCpu
}

function atMost(value: number): Goal {
  return { op: '<=', value }
}
