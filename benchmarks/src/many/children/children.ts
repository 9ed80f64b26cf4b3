import type { Bench, BenchContext } from '../../bench.ts'
import { cpuTimeOf } from '../../cpu-time.ts'
import { measured } from '../../measured.ts'
import { inMegabytes, watchMemory } from '../resident-memory.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type Run } from './figures.ts'
import type { Received } from './host.ts'
import { withChildren, type Setting } from './setting.ts'

/** Each moves 2 GiB, so that all together move 10. */
const ROUNDS = 5

/** How much a parent takes that serves many. */
export const childrenBench: Bench = {
  name: 'children',
  title: 'One daemon that serves 64 children: memory over the time in which they fetch 10 GiB, encrypted',
  needs: ['nginx'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

async function measure(context: BenchContext): Promise<readonly Run[]> {
  const { rounds = ROUNDS, report } = context
  return withChildren(context, rounds, async (setting) => {
    const runs: Run[] = []
    for (const url of setting.urls) {
      const run = await fetchByAll(setting, url)
      report(`${run.seconds.toFixed(1)} s, daemon ${run.daemonCpu.toFixed(1)} CPU-s, ${inMegabytes(Math.max(...run.resident)).toFixed(0)} MB at most`)
      runs.push(run)
    }
    return runs
  })
}

async function fetchByAll({ hosts, daemon, supernode }: Setting, url: string): Promise<Run> {
  const { resident, result } = await watchMemory(daemon.program.pid, async () =>
    measured(
      {
        daemonCpu: async () => cpuTimeOf(daemon.program.pid),
        supernodeCpu: async () => cpuTimeOf(supernode.program.pid),
      },
      async () => Promise.all(hosts.map(async (host) => host.call('fetch', { url }))),
    ),
  )
  const { wall: seconds, used, result: all } = result
  const sum = (from: keyof Received): number => all.reduce((bytes, received) => bytes + received[from], 0)
  return { resident, seconds, ...used, received: { held: sum('held'), peers: sum('peers'), cdn: sum('cdn'), origin: sum('origin') } }
}
