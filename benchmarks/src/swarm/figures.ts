import { figure, type Figure } from '../figure.ts'
import { ratios, type Runs } from '../rounds.ts'
import type { SwarmRun } from './case.ts'

/** Each case is downloaded by both kinds of swarm. */
export type SwarmWay = `${'aria2' | 'ours'}, ${CaseName}`
export type CaseName = 'unlimited' | 'limited' | 'encrypted'

/** Encryption is not the same in both, so that it only informs. */
const WITH_GOALS = ['unlimited', 'limited'] as const

export function figuresOf(runs: Runs<SwarmWay, SwarmRun>): readonly Figure[] {
  return [
    ...WITH_GOALS.flatMap((name) => [
      figure(`last peer / aria2, ${name}`, 'x', lastRatios(runs, name), { op: '<=', value: 1 }),
      figure(`CPU / aria2, ${name}`, 'x', cpuRatios(runs, name), { op: '<=', value: 0.8 }),
    ]),
    figure('last peer / aria2, encrypted', 'x', lastRatios(runs, 'encrypted')),
    figure('CPU / aria2, encrypted', 'x', cpuRatios(runs, 'encrypted')),
    ...(Object.keys(runs) as SwarmWay[]).flatMap((way) => [
      figure(`${way}: last peer`, 's', runs[way].map(({ last }) => last)),
      figure(`${way}: CPU`, 'CPU-s', runs[way].map(({ cpu }) => cpu)),
      figure(`${way}: share from peers`, '%', runs[way].map(({ fromPeers }) => fromPeers * 100)),
    ]),
  ]
}

function lastRatios(runs: Runs<SwarmWay, SwarmRun>, name: CaseName): readonly number[] {
  return ratios(runs[`ours, ${name}`], runs[`aria2, ${name}`], ({ last }) => last)
}

function cpuRatios(runs: Runs<SwarmWay, SwarmRun>, name: CaseName): readonly number[] {
  return ratios(runs[`ours, ${name}`], runs[`aria2, ${name}`], ({ cpu }) => cpu)
}
