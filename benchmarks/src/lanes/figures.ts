import { figure, type Figure, type Goal } from '../figure.ts'
import { ratios, type Runs } from '../rounds.ts'
import { PRIMITIVES, type Primitive } from './cipher-speed.ts'
import type { Run } from './ways.ts'

export const LANES = ['plain', 'direct', 'libp2p'] as const

export type WayName = 'reference' | (typeof LANES)[number] | 'stock libp2p' | 'raw TCP'

export interface Measurements {
  readonly runs: Runs<WayName, Run>
  /** Of the content; bytes. */
  readonly length: number
  /** The most that each end has held; bytes. */
  readonly peaks: Readonly<Record<'parent' | 'child', number>>
  /** Bytes per CPU-second. */
  readonly speeds: Readonly<Record<Primitive, number>>
}

const GIB = 1024 ** 3

export function figuresOf({ runs, length, peaks, speeds }: Measurements): readonly Figure[] {
  const { reference, plain, direct, libp2p } = runs
  const perGib = (cpu: (run: Run) => number, of: readonly Run[]): readonly number[] => of.map((run) => (cpu(run) * GIB) / length)
  const faster = ratios(runs['stock libp2p'], libp2p, ({ wall }) => wall)
  return [
    figure('plain CPU / reference', 'x', ratios(plain, reference, totalCpu), atMost(1.3)),
    figure('direct CPU / reference', 'x', ratios(direct, reference, totalCpu), atMost(2)),
    figure('libp2p CPU', 'CPU-s/GiB', perGib(totalCpu, libp2p), atMost(8)),
    figure('libp2p throughput / stock libp2p', 'x', faster, { op: '>=', value: 1.3 }),
    figure('libp2p CPU / reference', 'x', ratios(libp2p, reference, totalCpu)),
    figure('libp2p CPU / stock libp2p', 'x', ratios(libp2p, runs['stock libp2p'], totalCpu)),
    ...LANES.map((way) => figure(`${way} / reference`, 'x', ratios(runs[way], reference, ({ wall }) => wall))),
    ...(Object.keys(runs) as WayName[]).flatMap((way) => [
      figure(`${way} throughput`, 'MB/s', runs[way].map(({ wall }) => length / wall / 1e6)),
      // The goal stands at the figure of the same name above.
      ...(way === 'libp2p' ? [] : [figure(`${way} CPU`, 'CPU-s/GiB', perGib(totalCpu, runs[way]))]),
      figure(`${way} sender CPU`, 'CPU-s/GiB', perGib(({ senderCpu }) => senderCpu, runs[way])),
      figure(`${way} receiver CPU`, 'CPU-s/GiB', perGib(({ receiverCpu }) => receiverCpu, runs[way])),
    ]),
    ...PRIMITIVES.map((primitive) => figure(`openssl ${primitive}`, 'MB/s', [speeds[primitive] / 1e6])),
    figure('parent peak RSS', 'MB', [peaks.parent / 1e6]),
    figure('child peak RSS', 'MB', [peaks.child / 1e6]),
  ]
}

function totalCpu(run: Run): number {
  return run.totalCpu
}

function atMost(value: number): Goal {
  return { op: '<=', value }
}
