import type { Bench, BenchContext } from '../bench.ts'
import { inRounds, type Runs } from '../rounds.ts'
import { apiLoad, type ApiLoad } from './api-load.ts'
import { explanation } from './explanation.ts'
import { figuresOf } from './figures.ts'
import { withSetting, type Setting } from './setting.ts'
import { alone, bareNode, daemonStart, kibibyte, mebibyte, supernodeStart, version, type Start } from './ways.ts'

/** Each is short, so that many are cheap. */
const ROUNDS = 20

/** Each takes seconds, and is a median of thousands by itself. */
const LOADS = 3

export type WayName = 'bare Node.js' | 'version' | '1 KiB' | '1 MiB' | '1 KiB alone' | 'dfdaemon' | 'supernode'

export interface StartRuns {
  readonly starts: Runs<WayName, Start>
  readonly loads: readonly ApiLoad[]
}

/** What a person waits for who wants something small. */
export const startBench: Bench = {
  name: 'start',
  title: 'Whole processes beside `node -e 0`: small files that a daemon holds, and starts; the API without a process',
  needs: [],
  explanation,
  run: async (context) => figuresOf(await withSetting(context, async (setting) => measure(context, setting))),
}

async function measure({ rounds = ROUNDS, report }: BenchContext, setting: Setting): Promise<StartRuns> {
  const starts = await inRounds<WayName, Setting, Start>({
    rounds,
    ways: {
      'bare Node.js': bareNode,
      version,
      '1 KiB': kibibyte,
      '1 MiB': mebibyte,
      '1 KiB alone': alone,
      dfdaemon: daemonStart,
      supernode: supernodeStart,
    },
    withSetting: async (work) => work(setting),
    describe: ({ wall }) => `${(wall * 1000).toFixed(0)} ms`,
    report,
  })
  const loads: ApiLoad[] = []
  for (let i = 0; i < Math.min(rounds, LOADS); i++) {
    const load = await apiLoad(setting)
    report(`load ${i + 1}  ${load.perSecond.toFixed(0)} a second, ${load.median.toFixed(2)} ms`)
    loads.push(load)
  }
  return { starts, loads }
}
