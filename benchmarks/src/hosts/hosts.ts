import { whyNoNetwork } from '@damselfly/test'
import type { Bench, BenchContext } from '../bench.ts'
import { inRounds, type Runs } from '../rounds.ts'
import { explanation } from './explanation.ts'
import { figuresOf } from './figures.ts'
import { downloadOnHosts, type HostsCase, type HostsRun } from './run.ts'

/** The file, the hosts and the faster lines are those of the simulator's scenario `twelve-hosts`. */
const CASES = {
  '100 Mbit/s': { hosts: 12, rate: 100_000_000, length: 100 * 1024 * 1024 },
  '25 Mbit/s': { hosts: 12, rate: 25_000_000, length: 100 * 1024 * 1024 },
} as const satisfies Record<string, HostsCase>

export type Lines = keyof typeof CASES

const ROUNDS = 2

/** The same file to twelve hosts at once, where the network is the limit. */
export const hostsBench: Bench = {
  name: 'hosts',
  title: 'The same file to twelve hosts on lines of their own, beside the least time in which pieces can reach all',
  needs: ['nginx', 'curl'],
  whyNot: whyNoNetwork,
  explanation,
  run: async (context) => {
    const runs = await measure(context)
    return (Object.keys(CASES) as Lines[]).flatMap((lines) => figuresOf(lines, CASES[lines], runs[lines]))
  },
}

async function measure({ withLab, programs, report, rounds = ROUNDS }: BenchContext): Promise<Runs<Lines, HostsRun>> {
  const onLines = (lines: Lines) => async (): Promise<HostsRun> => withLab(async (lab) => downloadOnHosts({ lab, programs }, CASES[lines]))
  return inRounds<Lines, undefined, HostsRun>({
    rounds,
    warmUp: false,
    ways: { '100 Mbit/s': onLines('100 Mbit/s'), '25 Mbit/s': onLines('25 Mbit/s') },
    withSetting: async (work) => work(undefined),
    describe: ({ last, copy, fromCdn, cpu }) =>
      `twelve hosts: last after ${last.toFixed(2)} s, one copy ${copy.toFixed(2)} s, ${fromCdn.toFixed(2)} copies from the CDN, ${cpu.toFixed(1)} CPU-s`,
    report,
  })
}
