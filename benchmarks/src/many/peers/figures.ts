import { figure, type Figure } from '../../figure.ts'
import { inMegabytes } from '../resident-memory.ts'
import type { Reunion } from './reunion.ts'
import type { Idle, Talk } from './ways.ts'

export interface Run {
  readonly idle: Idle
  readonly talk: Talk
  readonly reunion: Pick<Reunion, 'connected' | 'announced'>
}

export function figuresOf(runs: readonly Run[]): readonly Figure[] {
  const samples = (read: (run: Run) => number): readonly number[] => runs.map(read)
  return [
    figure('idle memory', 'MB', samples((run) => inMegabytes(run.idle.memory)), { op: '<=', value: 400 }),
    figure('active memory', 'MB', samples((run) => inMegabytes(run.talk.memory)), { op: '<=', value: 400 }),
    figure('idle CPU', '%', samples((run) => run.idle.cpu * 100), { op: '<=', value: 2 }),
    figure('reconnected and announced', 's', samples((run) => run.reunion.announced), { op: '<=', value: 15 }),
    figure('messages per CPU-second', '/s', samples((run) => run.talk.messagesPerCpuSecond), { op: '>=', value: 15_000 }),
    figure('reconnected', 's', samples((run) => run.reunion.connected)),
    figure('messages', '/s', samples((run) => run.talk.messagesPerSecond)),
  ]
}
