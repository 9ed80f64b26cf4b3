import type { Bench, BenchContext } from '../../bench.ts'
import { inMegabytes } from '../resident-memory.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type Run } from './figures.ts'
import { reunite, settled } from './reunion.ts'
import { withPeers } from './setting.ts'
import { idle, talk } from './ways.ts'

/** What a supernode takes for many peers, and whether they find it again. */
export const peersBench: Bench = {
  name: 'peers',
  title: 'One supernode with 2,000 connected peers: idle, 200 active, and all back after it was killed',
  needs: ['nginx'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
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
