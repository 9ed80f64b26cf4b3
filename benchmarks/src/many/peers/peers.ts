import type { Bench, BenchContext } from '../../bench.ts'
import { figure, type Figure } from '../../figure.ts'
import { inMegabytes } from '../resident-memory.ts'
import { explanation } from './explanation.ts'
import { reunite, settled, type Reunion } from './reunion.ts'
import { withPeers } from './setting.ts'
import { idle, talk, type Idle, type Talk } from './ways.ts'

/** What a supernode takes for many peers, and whether they find it again. */
export const peersBench: Bench = {
  name: 'peers',
  title: 'One supernode with 2,000 connected peers: idle, 200 active, and all back after it was killed',
  needs: ['nginx'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

interface Run {
  readonly idle: Idle
  readonly talk: Talk
  readonly reunion: Reunion
}

async function measure(context: BenchContext): Promise<readonly Run[]> {
  const { rounds = 1, report } = context
  const runs: Run[] = []
  for (let round = 0; round < rounds; round++) {
    runs.push(
      await withPeers(context, async (setting) => {
        await settled(setting.supernode)
        report('all are connected')
        const reunion = await reunite(setting)
        report(`again connected after ${reunion.connected.toFixed(1)} s, announced after ${reunion.announced.toFixed(1)} s`)
        const { supernode } = reunion
        const quiet = await idle(supernode)
        report(`idle  ${(quiet.cpu * 100).toFixed(2)}% of a core, ${inMegabytes(quiet.memory).toFixed(0)} MB`)
        const busy = await talk(setting, supernode)
        const { messagesPerCpuSecond: perCpu, messagesPerSecond, memory } = busy
        report(`talk  ${perCpu.toFixed(0)} messages per CPU-s, ${messagesPerSecond.toFixed(0)}/s, ${inMegabytes(memory).toFixed(0)} MB`)
        return { idle: quiet, talk: busy, reunion }
      }),
    )
  }
  return runs
}

function figuresOf(runs: readonly Run[]): readonly Figure[] {
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
