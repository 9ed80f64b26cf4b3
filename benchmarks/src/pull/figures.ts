import { figure, type Figure } from '../figure.ts'
import { inMegabytes } from '../many/resident-memory.ts'
import { ratios, type Runs } from '../rounds.ts'
import type { Run } from './ways.ts'

export type WayName =
  | 'large direct'
  | 'large cold'
  | 'large second'
  | 'many direct'
  | 'many cold'
  | 'many second'
  | 'first byte direct'
  | 'first byte cold'
  | 'HEAD direct'
  | 'HEAD mirror'
  | '200 at once'

export function figuresOf(runs: Runs<WayName, Run>, lengths: { readonly large: number; readonly many: number }): readonly Figure[] {
  const seconds = (run: Run): number => run.seconds
  const longer = (way: WayName, direct: WayName): readonly number[] => runs[way].map((run, i) => (run.seconds - (runs[direct][i]?.seconds ?? Number.NaN)) * 1000)
  const all = Object.values(runs).flat()
  return [
    figure('large: cold node / direct', 'x', ratios(runs['large cold'], runs['large direct'], seconds), { op: '<=', value: 1.1 }),
    figure('many: cold node / direct', 'x', ratios(runs['many cold'], runs['many direct'], seconds), { op: '<=', value: 1.1 }),
    figure('large: blobs from the registry, cold node', 'x', runs['large cold'].map((run) => run.fromRegistry / lengths.large), { op: '<=', value: 1 }),
    figure('large: blobs from the registry, second node', 'bytes', runs['large second'].map((run) => run.fromRegistry), { op: '==', value: 0 }),
    figure('many: blobs from the registry, second node', 'bytes', runs['many second'].map((run) => run.fromRegistry), { op: '==', value: 0 }),
    figure('first byte of a cold blob - direct', 'ms', longer('first byte cold', 'first byte direct'), { op: '<=', value: 20 }),
    figure('HEAD of a manifest - direct', 'ms', longer('HEAD mirror', 'HEAD direct'), { op: '<=', value: 3 }),
    figure('200 small blobs at once: errors', 'x', runs['200 at once'].map(({ errors }) => errors), { op: '==', value: 0 }),
    figure('daemon memory', 'MB', [inMegabytes(Math.max(...all.map(({ memory }) => memory)))], { op: '<=', value: 200 }),
    ...(['large', 'many'] as const).flatMap((image) => [
      figure(`${image}: second node / direct`, 'x', ratios(runs[`${image} second`], runs[`${image} direct`], seconds)),
      figure(`${image}: direct`, 's', runs[`${image} direct`].map(seconds)),
    ]),
    figure('first byte, direct', 'ms', runs['first byte direct'].map((run) => run.seconds * 1000)),
    figure('HEAD, direct', 'ms', runs['HEAD direct'].map((run) => run.seconds * 1000)),
    figure('200 small blobs at once', 's', runs['200 at once'].map(seconds)),
  ]
}
